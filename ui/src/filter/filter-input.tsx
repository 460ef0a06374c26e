import { ListFilter } from 'lucide-react';
import { type RefObject, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Problem } from '@/api/problem';
import { cx } from '@/parts/cx';
import { parse, printValue, wordAt } from './grammar';

interface FilterInputProps {
  value: string;
  onChange(value: string): void;
  /** Values that a field can have, to complete it. */
  values(field: string): readonly string[];
  fields: readonly string[];
  placeholder: string;
  /** What the server says of the filter. */
  problem?: Problem;
  inputRef?: RefObject<HTMLInputElement | null>;
}

/**
 * A filter as text. What is typed counts a moment after the last key; fields and their
 * values complete; a mistake is told under it, and what was shown before stays.
 */
export function FilterInput({ value, onChange, values, fields, placeholder, problem, inputRef }: FilterInputProps) {
  const own = useRef<HTMLInputElement>(null);
  const input = inputRef ?? own;
  const [draft, setDraft] = useState(value);
  const [open, setOpen] = useState(false);
  const [cursor, setCursor] = useState(0);
  const [at, setAt] = useState(-1);
  const listId = useId();
  const given = useRef(value);

  // The address changed by something else than typing.
  useEffect(() => {
    if (value === given.current) return;
    given.current = value;
    setDraft(value);
  }, [value]);

  const mistake = useMemo(() => parse(draft).mistake, [draft]);
  const offers = useMemo(
    () => (open ? complete(draft, cursor, fields, values) : []),
    [open, draft, cursor, fields, values],
  );
  // Half a value fits nothing: it counts once it is complete, or when Enter says so.
  const half = offers.length > 0 && wordAt(draft, cursor).word.includes(':');
  useEffect(() => {
    if (draft === given.current || mistake || half) return;
    const timer = setTimeout(() => {
      given.current = draft.trim();
      onChange(draft.trim());
    }, 180);
    return () => clearTimeout(timer);
  }, [draft, mistake, half, onChange]);

  const take = (offer: Offer) => {
    const next = `${draft.slice(0, offer.start)}${offer.text}${draft.slice(offer.end)}`;
    const to = offer.start + offer.text.length;
    setDraft(next);
    setAt(-1);
    setCursor(to);
    requestAnimationFrame(() => input.current?.setSelectionRange(to, to));
  };
  const said = mistake ? mistake.what : problem ? [problem.detail, problem.hint].filter(Boolean).join('; ') : '';
  const quiet = mistake !== undefined && mistake.at >= draft.trimEnd().length - 1 && open;
  const shown = offers.length > 0;
  return (
    <div className="relative min-w-52 flex-1">
      <ListFilter
        size={14}
        aria-hidden
        className="pointer-events-none absolute top-4 left-2.5 -translate-y-1/2 text-muted"
      />
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="Filter"
        aria-expanded={shown}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 && offers[at] ? `${listId}-${at}` : undefined}
        aria-invalid={said !== '' && !quiet}
        aria-describedby={`${listId}-said`}
        placeholder={placeholder}
        value={draft}
        autoComplete="off"
        spellCheck={false}
        className={cx(
          'mono h-8 w-full rounded-md border bg-panel pr-8 pl-8 placeholder:font-sans',
          said && !quiet ? 'border-bad' : 'border-line hover:border-edge',
        )}
        onChange={(e) => {
          setDraft(e.target.value);
          setCursor(e.target.selectionStart ?? e.target.value.length);
          setOpen(true);
          setAt(-1);
        }}
        onSelect={(e) => setCursor(e.currentTarget.selectionStart ?? 0)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={(e) => {
          if (e.key === 'Escape') {
            if (shown) setOpen(false);
            else if (draft) setDraft('');
            else input.current?.blur();
            e.stopPropagation();
          }
          if ((e.key === 'ArrowDown' || e.key === 'ArrowUp') && shown) {
            e.preventDefault();
            const step = e.key === 'ArrowDown' ? 1 : -1;
            setAt((at + step + offers.length + (at < 0 && step < 0 ? 1 : 0)) % offers.length);
          }
          const chosen = offers[at];
          if (chosen && (e.key === 'Enter' || e.key === 'Tab')) {
            e.preventDefault();
            take(chosen);
          } else if (e.key === 'Enter') setOpen(false);
        }}
      />
      {draft === '' && (
        <kbd
          aria-hidden
          className="absolute top-1/2 right-2 -translate-y-1/2 rounded border border-line bg-sunken px-1.5 text-xs text-muted"
        >
          /
        </kbd>
      )}
      <div
        id={listId}
        role="listbox"
        aria-label="Completions"
        hidden={!shown}
        className="absolute top-9 left-0 z-20 max-h-80 min-w-64 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-float"
      >
        {offers.map((offer, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and the keys
          <div
            key={offer.text}
            id={`${listId}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            onPointerDown={(e) => e.preventDefault()}
            onClick={() => take(offer)}
            className={cx(
              'mono flex h-7 cursor-pointer items-center rounded px-2',
              i === at ? 'bg-picked' : 'hover:bg-hover',
            )}
          >
            {offer.text}
          </div>
        ))}
      </div>
      <p id={`${listId}-said`} role="status" className={cx('text-sm text-bad', said && !quiet ? 'mt-1' : 'unseen')}>
        {quiet ? '' : said}
      </p>
    </div>
  );
}

interface Offer {
  start: number;
  end: number;
  text: string;
}

/** What could stand where the cursor is: fields by their beginning, then values of the field. */
export function complete(
  text: string,
  cursor: number,
  fields: readonly string[],
  values: (field: string) => readonly string[],
): Offer[] {
  const { start, end, word } = wordAt(text, cursor);
  const minus = word.startsWith('-') ? '-' : '';
  const bare = word.slice(minus.length);
  const colon = bare.indexOf(':');
  if (colon < 0) {
    return fields.filter((f) => f.startsWith(bare.toLowerCase())).map((f) => ({ start, end, text: `${minus}${f}:` }));
  }
  const field = bare.slice(0, colon).toLowerCase();
  const typed = bare.slice(colon + 1).split(',');
  const last = typed.pop() ?? '';
  const before = `${minus}${field}:${typed.map((v) => `${v},`).join('')}`;
  return values(field)
    .filter((v) => v.toLowerCase().includes(last.toLowerCase()) && !typed.includes(v) && v !== last)
    .sort((a, b) => Number(begins(b, last)) - Number(begins(a, last)))
    .slice(0, 12)
    .map((v) => ({ start, end, text: `${before}${printValue(v)}` }));
}

const begins = (value: string, typed: string): boolean => value.toLowerCase().startsWith(typed.toLowerCase());
