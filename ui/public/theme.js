// Sets what the person chose before anything is painted; "auto" leaves it to the system.
try {
  const chosen = localStorage.getItem('lockstep.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be denied; then the system decides.
}
