// What the palette finds: names that hold the typed letters in order, the closest first.

export interface Place {
  word: string;
  kind: string;
  href: string;
}

/** Lower is closer; null where the letters are not all there. */
export function distance(word: string, typed: string): number | null {
  const text = word.toLowerCase();
  const wanted = typed.trim().toLowerCase();
  if (wanted === '') return 0;
  const at = text.indexOf(wanted);
  if (at >= 0) return at + (text.length - wanted.length) / 100;
  let [position, gaps] = [-1, 0];
  for (const letter of wanted.replace(/\s+/g, '')) {
    const next = text.indexOf(letter, position + 1);
    if (next < 0) return null;
    gaps += next - position - 1;
    position = next;
  }
  return 100 + gaps;
}

export function rank(places: readonly Place[], typed: string): Place[] {
  return places
    .map((place) => ({ place, far: distance(place.word, typed) }))
    .filter((one): one is { place: Place; far: number } => one.far !== null)
    .sort((a, b) => a.far - b.far)
    .map(({ place }) => place);
}
