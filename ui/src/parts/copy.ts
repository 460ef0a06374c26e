import { toast, toastProblem } from './toast';

/** Copies, and says so; browsers allow it on https and localhost only. */
export async function copy(text: string, what = 'Copied') {
  try {
    await navigator.clipboard.writeText(text);
    toast(what, { about: text.length > 120 ? undefined : text });
  } catch {
    if (!copyOld(text)) toastProblem(new Error('The browser does not allow copying here.'));
    else toast(what);
  }
}

/** For plain http by name, where the clipboard API is absent. */
function copyOld(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.setAttribute('aria-hidden', 'true');
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}
