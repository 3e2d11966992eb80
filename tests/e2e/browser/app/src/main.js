// A single-page application: one document, the History API, and a script for each page that is loaded when first needed.
import './style.css';

const pages = {
  '/': () => import('./pages/home.js'),
  '/orders': () => import('./pages/orders.js'),
  '/settings': () => import('./pages/settings.js'),
};

// Vite's own advice for a tab that outlives a deployment: the scripts it knows are gone, so it starts over with the new.
window.addEventListener('vite:preloadError', () => window.location.reload());

async function show() {
  const parts = window.location.pathname.split('/');
  const page = await pages[`/${parts[1]}`]();
  document.querySelector('#page').textContent = page.render(parts.slice(2));
}

document.querySelector('nav').addEventListener('click', (event) => {
  if (!event.target.href) return;
  event.preventDefault();
  window.history.pushState({}, '', event.target.href);
  show();
});
window.addEventListener('popstate', show);

document.querySelector('#build').textContent = __BUILD__;
show();
