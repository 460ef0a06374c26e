const grouped = new Intl.NumberFormat('en');

/** 9,962: with the separators that the CLI prints, so that both read alike. */
export const count = (n: number): string => grouped.format(n);

/** "1 stack", "7 stacks". */
export const counted = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** A commit as people say it. */
export const short = (hash: string): string => (/^[0-9a-f]{20,}$/.test(hash) ? hash.slice(0, 7) : hash);
