export const render = ([number]) => `Order ${number} of ${__BUILD__}`;
