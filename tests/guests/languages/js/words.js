import { write } from 'berth:languages/log@1.0.0';

export function process(input) {
  write(1, `js: ${input.length} bytes`);
  if (input.length === 0) throw 'no input';
  return input.map((c) => (c > 96 && c < 123 ? c - 32 : c));
}

export function tally(words) {
  const counts = new Map();
  if (words.length === 0) throw { tag: 'empty' };
  for (const word of words) {
    const size = [...word].length;
    if (size > 8) throw { tag: 'too-long', val: size };
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => ({ word, count }));
}
