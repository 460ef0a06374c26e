import { describe, expect, it } from 'vitest';
import { asksFor, matches, parse, printValue, toggle, without, wordAt } from './grammar';

const shape = (text: string) =>
  parse(text).terms.map(
    (t) => `${t.not ? '-' : ''}${t.field === undefined ? '' : `${t.field}=`}${t.values.map((v) => v.text).join('|')}`,
  );

describe('parse', () => {
  const cases: Record<string, { why: string; text: string; want: string[]; mistake?: number }> = {
    Empty: { why: 'Nothing lets everything through.', text: '  ', want: [] },
    Terms: {
      why: 'All kinds of terms beside each other.',
      text: 'env:prod  step:drifted,blocked -health:Healthy shop',
      want: ['env=prod', 'step=drifted|blocked', '-health=healthy', 'shop'],
    },
    Quoted: {
      why: 'Quotes keep blanks, commas and colons.',
      text: 'label:"a, b:c" "x:y"',
      want: ['label=a, b:c', 'x:y'],
    },
    Escaped: {
      why: 'A quote inside quotes.',
      text: String.raw`owner:"a\"b\\"`,
      want: [String.raw`owner=a"b\ `.trimEnd()],
    },
    NoValue: {
      why: 'A field without a value is a mistake where the value would be.',
      text: 'shop env:',
      want: ['shop'],
      mistake: 9,
    },
    LastComma: { why: 'So is a comma without one.', text: 'env:a,', want: [], mistake: 6 },
    Open: { why: 'A quote that is not closed is one where it begins.', text: 'a "b', want: ['a'], mistake: 2 },
    Inside: { why: 'A quote inside a word.', text: 'a"b"', want: [], mistake: 1 },
    Minus: { why: 'A minus alone.', text: 'a - b', want: ['a'], mistake: 2 },
  };
  for (const [name, { why, text, want, mistake }] of Object.entries(cases)) {
    it(name, () => {
      expect(shape(text), why).toEqual(want);
      expect(parse(text).mistake?.at, why).toBe(mistake);
    });
  }
});

describe('toggle', () => {
  const cases: Record<string, { why: string; text: string; field: string; value: string; want: string }> = {
    First: { why: 'A term is added at the end.', text: 'shop', field: 'env', value: 'prod', want: 'shop env:prod' },
    Second: {
      why: 'Values of a field are alternatives.',
      text: 'env:prod shop',
      field: 'env',
      value: 'dev',
      want: 'env:prod,dev shop',
    },
    Off: {
      why: 'The same again takes it out.',
      text: 'env:prod,dev shop',
      field: 'env',
      value: 'prod',
      want: 'env:dev shop',
    },
    Last: { why: 'No empty term is left.', text: 'a env:prod b', field: 'env', value: 'prod', want: 'a b' },
    Choice: { why: 'InStep and in-step are the same.', text: 'step:in-step', field: 'step', value: 'InStep', want: '' },
    Odd: {
      why: 'A value with blanks is put in quotes.',
      text: '',
      field: 'owner',
      value: 'Ana B',
      want: 'owner:"Ana B"',
    },
    Not: {
      why: 'A term that is turned round is another.',
      text: '-env:prod',
      field: 'env',
      value: 'prod',
      want: '-env:prod env:prod',
    },
  };
  for (const [name, { why, text, field, value, want }] of Object.entries(cases)) {
    it(name, () => {
      expect(toggle(text, field, value), why).toBe(want);
      expect(asksFor(want, field, value), why).toBe(!asksFor(text, field, value));
    });
  }
});

it('takes a field out', () => {
  expect(without('a env:x b -env:y c', 'env')).toBe('a b c');
});

it('prints values so that they are read again', () => {
  for (const raw of ['', 'a', 'a b', 'a,b', 'a"b', 'a\\ b', '*', 'payments/shop']) {
    expect(parse(`f:${printValue(raw)}`).terms[0]?.values[0]?.raw).toBe(raw);
  }
});

describe('matches', () => {
  const subject = {
    text: 'payments/shop',
    field: (name: string) => ({ env: 'prod', step: 'InStep', target: 'eu-1a' })[name],
  };
  const cases: Record<string, { text: string; want: boolean | undefined }> = {
    All: { text: 'env:prod sho', want: true },
    Not: { text: '-env:prod', want: false },
    Glob: { text: 'target:eu-*', want: true },
    QuotedGlob: { text: 'target:"eu-*"', want: false },
    Choice: { text: 'step:in-step,drifted', want: true },
    Unsure: { text: 'changed:<1h', want: undefined },
    SureNot: { text: 'changed:<1h env:dev', want: false },
  };
  for (const [name, { text, want }] of Object.entries(cases)) {
    it(name, () => expect(matches(parse(text).terms, subject)).toBe(want));
  }
});

it('finds the word at the cursor', () => {
  expect(wordAt('a env:pr b', 8)).toEqual({ start: 2, end: 8, word: 'env:pr' });
  expect(wordAt('', 0)).toEqual({ start: 0, end: 0, word: '' });
});
