export const render = () => `Home of ${__BUILD__}`;
