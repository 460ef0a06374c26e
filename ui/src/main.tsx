import './styles.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';

// A chunk that is gone belongs to a build that is no longer served.
window.addEventListener('vite:preloadError', (e) => {
  const key = 'lockstep.reloaded';
  if (sessionStorage.getItem(key) === document.baseURI) return;
  sessionStorage.setItem(key, document.baseURI);
  e.preventDefault();
  window.location.reload();
});

const at = document.getElementById('root');
if (at) {
  createRoot(at).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
