import type { ReactNode } from 'react';
import { cx } from './cx';

/**
 * The words on screen for the two axes: health (does it work) and step (does it
 * match Git). Each has a shape, a colour and a word; colour never stands alone.
 */
export const healths = [
  'Healthy',
  'Suspended',
  'Progressing',
  'Terminating',
  'Missing',
  'Degraded',
  'Unknown',
] as const;
export type Health = (typeof healths)[number];

export const steps = ['InStep', 'Behind', 'Waiting', 'Paused', 'Drifted', 'Blocked', 'Failing', 'Unknown'] as const;
export type Step = (typeof steps)[number];

export type Tone = 'ok' | 'info' | 'warn' | 'bad' | 'idle';

export const toneText: Record<Tone, string> = {
  ok: 'text-ok',
  info: 'text-info',
  warn: 'text-warn',
  bad: 'text-bad',
  idle: 'text-muted',
};

interface Shape {
  word: string;
  tone: Tone;
  /** What the word means, for tooltips and the legend. */
  means: string;
  draw: ReactNode;
}

const ring = <circle cx="8" cy="8" r="6" />;
const stroke = {
  fill: 'none',
  stroke: 'currentColor',
  strokeWidth: 1.6,
  strokeLinecap: 'round',
  strokeLinejoin: 'round',
} as const;

export const healthShapes: Record<Health, Shape> = {
  Healthy: {
    word: 'Healthy',
    tone: 'ok',
    means: 'serves as its spec asks',
    draw: (
      <g {...stroke}>
        {ring}
        <path d="M5.4 8.2 7.2 10l3.4-3.8" />
      </g>
    ),
  },
  Progressing: {
    word: 'Progressing',
    tone: 'info',
    means: 'on its way, no sign of trouble',
    draw: (
      <g {...stroke}>
        <circle cx="8" cy="8" r="6" opacity="0.3" />
        <path d="M8 2a6 6 0 0 1 6 6" />
      </g>
    ),
  },
  Degraded: {
    word: 'Degraded',
    tone: 'bad',
    means: 'will not get there by itself, or says so',
    draw: (
      <g>
        <circle cx="8" cy="8" r="6.8" fill="currentColor" />
        <path d="M8 4.6v4" stroke="var(--bg)" strokeWidth="1.8" strokeLinecap="round" />
        <circle cx="8" cy="11.2" r="1.05" fill="var(--bg)" />
      </g>
    ),
  },
  Missing: {
    word: 'Missing',
    tone: 'warn',
    means: 'should be there and is not',
    draw: (
      <g {...stroke} strokeDasharray="2.2 2.5">
        {ring}
      </g>
    ),
  },
  Suspended: {
    word: 'Suspended',
    tone: 'idle',
    means: 'not running, on purpose',
    draw: (
      <g {...stroke}>
        {ring}
        <path d="M6.5 5.8v4.4M9.5 5.8v4.4" />
      </g>
    ),
  },
  Terminating: {
    word: 'Terminating',
    tone: 'info',
    means: 'being deleted',
    draw: (
      <g {...stroke}>
        {ring}
        <path d="M5.4 8h5.2" />
      </g>
    ),
  },
  Unknown: {
    word: 'Unknown',
    tone: 'idle',
    means: 'nobody has looked yet, or nobody can',
    draw: (
      <g {...stroke}>
        {ring}
        <path d="M6.4 6.3a1.7 1.7 0 1 1 2.4 1.6c-.5.2-.8.5-.8 1M8 11.2v.1" strokeWidth="1.4" />
      </g>
    ),
  },
};

export const stepShapes: Record<Step, Shape> = {
  InStep: {
    word: 'In step',
    tone: 'ok',
    means: 'live is what Git says',
    draw: <path {...stroke} d="M3.5 6h9M3.5 10h9" />,
  },
  Behind: {
    word: 'Behind',
    tone: 'info',
    means: 'a newer commit is on its way',
    draw: <path {...stroke} d="M8 3v9.5M4.2 8.8 8 12.6l3.8-3.8" />,
  },
  Drifted: {
    word: 'Drifted',
    tone: 'warn',
    means: 'live differs from what was applied',
    draw: <path {...stroke} d="M3.5 6h9M3.5 10h9M10.5 3 5.5 13" />,
  },
  Blocked: {
    word: 'Blocked',
    tone: 'warn',
    means: 'a gate holds it: approval, policy, window or guard',
    draw: (
      <g {...stroke}>
        <rect x="3.5" y="7" width="9" height="6.5" rx="1.5" />
        <path d="M5.5 7V5.2a2.5 2.5 0 0 1 5 0V7" />
      </g>
    ),
  },
  Failing: {
    word: 'Failing',
    tone: 'bad',
    means: 'the last try failed',
    draw: <path {...stroke} strokeWidth={2} d="m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6" />,
  },
  Waiting: {
    word: 'Waiting',
    tone: 'idle',
    means: 'for another Stack',
    draw: (
      <g fill="currentColor">
        <circle cx="3.6" cy="8" r="1.4" />
        <circle cx="8" cy="8" r="1.4" />
        <circle cx="12.4" cy="8" r="1.4" />
      </g>
    ),
  },
  Paused: {
    word: 'Paused',
    tone: 'idle',
    means: 'on purpose',
    draw: <path {...stroke} strokeWidth={2} d="M5.8 4v8M10.2 4v8" />,
  },
  Unknown: {
    word: 'Unknown',
    tone: 'idle',
    means: 'nobody has looked yet',
    draw: <path {...stroke} d="M6 5.8a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.8v.1" />,
  },
};

/** The server may learn words that this page does not know. */
export const healthOf = (word: string | undefined): Health =>
  healths.find((h) => h.toLowerCase() === word?.toLowerCase()) ?? 'Unknown';

export const stepOf = (word: string | undefined): Step =>
  steps.find((s) => s.toLowerCase() === word?.toLowerCase().replace(/[ -]/g, '')) ?? 'Unknown';

interface MarkProps {
  /** Only the shape, with the word for assistive technology and on hover. */
  bare?: boolean;
  /** In words after the mark's own: "3 fields", "2". */
  detail?: ReactNode;
  className?: string;
}

export function HealthMark({ health, ...rest }: MarkProps & { health: Health | string | undefined }) {
  return <Mark shape={healthShapes[healthOf(health)]} {...rest} />;
}

export function StepMark({ step, ...rest }: MarkProps & { step: Step | string | undefined }) {
  return <Mark shape={stepShapes[stepOf(step)]} {...rest} />;
}

function Mark({ shape, bare, detail, className }: MarkProps & { shape: Shape }) {
  const alarming = shape.tone === 'bad' || shape.tone === 'warn';
  return (
    <span
      className={cx('inline-flex items-center gap-1.5 whitespace-nowrap', className)}
      title={`${shape.word}: ${shape.means}`}
    >
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden className={cx('mark shrink-0', toneText[shape.tone])}>
        {shape.draw}
      </svg>
      <span className={bare ? 'unseen' : alarming ? toneText[shape.tone] : undefined}>{shape.word}</span>
      {detail !== undefined && <span className="text-muted">{detail}</span>}
    </span>
  );
}

/** A mark and a word of any tone, for what is neither health nor step. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  const soft: Record<Tone, string> = {
    ok: 'bg-ok-soft text-ok',
    info: 'bg-info-soft text-info',
    warn: 'bg-warn-soft text-warn',
    bad: 'bg-bad-soft text-bad',
    idle: 'bg-hover text-muted',
  };
  return (
    <span className={cx('inline-flex h-5 items-center rounded px-1.5 text-sm whitespace-nowrap', soft[tone])}>
      {children}
    </span>
  );
}
