export const render = () => `Settings of ${__BUILD__}`;
