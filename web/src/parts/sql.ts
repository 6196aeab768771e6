// Splits SQL into words, texts, numbers and comments, so that it can be shown in colour. It does not judge it.

export interface Piece {
  kind: 'keyword' | 'text' | 'number' | 'comment' | 'plain';
  text: string;
}

const KEYWORDS = new Set(
  ('create source table view materialized sink alert job model select from where group by having order limit as with and or not in is null like between case when then ' +
    'else end join left right full inner outer on using union all distinct watermark for interval emit changes close allowed lateness cast over partition desc asc true false values')
    .split(' '),
);
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?\*\/)|('(?:[^']|'')*')|(\b\d+(?:\.\d+)?\b)|([A-Za-z_][A-Za-z0-9_]*)|([\s\S])/g;

export function split_sql(sql: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [whole, comment, text, number, word] of sql.matchAll(TOKEN)) {
    const kind = comment ? 'comment' : text ? 'text' : number ? 'number' : word && KEYWORDS.has(word.toLowerCase()) ? 'keyword' : 'plain';
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += whole;
    else pieces.push({ kind, text: whole });
  }
  return pieces;
}
