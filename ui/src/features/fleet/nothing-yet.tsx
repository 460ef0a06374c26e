import type { ReactNode } from 'react';
import { cards } from '@/features/welcome/cards';
import { Cli } from '@/parts/cli';

/** A fleet without Stacks: what to do, in the order in which one does it. */
export default function NothingYet() {
  return (
    <div className="mx-auto w-full max-w-3xl px-4 py-10">
      <h1 className="text-xl font-semibold">Nothing is kept in step yet</h1>
      <p className="mt-1 mb-6 text-muted">
        A Source says where desired state is pulled from, a Stack which part of it is kept live. This page fills itself
        as soon as there is one.
      </p>
      <ol className="grid gap-3">
        <Step n={1} title="Name a repository">
          <Yaml>{`apiVersion: lockstep.dev/v1alpha1
kind: Source
metadata: {name: platform, namespace: payments}
spec:
  interval: 1m
  git: {url: https://git.example/platform.git, ref: {branch: main}}`}</Yaml>
        </Step>
        <Step n={2} title="Keep a directory of it live">
          <Yaml>{`apiVersion: lockstep.dev/v1alpha1
kind: Stack
metadata: {name: shop, namespace: payments}
spec:
  source: {name: platform, path: apps/shop}`}</Yaml>
        </Step>
        <Step n={3} title="Watch">
          <Cli line="lockstep status" />
        </Step>
      </ol>
      <h2 className="mt-8 font-medium">Only looking around?</h2>
      <p className="mt-1 text-muted">
        <Cli line="lockstep demo" /> starts a fleet on your machine that needs nothing else, with five things to try:
      </p>
      <ol className="mt-2 grid list-decimal gap-1 pl-6">
        {cards.map((card) => (
          <li key={card.id}>
            {card.title}. <span className="text-muted">{card.about}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Step({ n, title, children }: { n: number; title: string; children: ReactNode }) {
  return (
    <li className="flex gap-4 rounded-lg border border-line bg-panel p-4">
      <span
        aria-hidden
        className="flex size-6 shrink-0 items-center justify-center rounded-full bg-picked text-sm font-semibold"
      >
        {n}
      </span>
      <div className="min-w-0 flex-1">
        <h2 className="mb-2 font-medium">{title}</h2>
        {children}
      </div>
    </li>
  );
}

const Yaml = ({ children }: { children: string }) => (
  <pre className="mono overflow-x-auto rounded bg-sunken p-3 leading-relaxed">{children}</pre>
);
