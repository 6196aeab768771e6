// JSON to be read: what fits a line stays on it.

const LINE_LENGTH_MAX = 100;

export function short_json(value: unknown, indent = ''): string {
  const whole = one_line(value);
  if (value === null || typeof value !== 'object' || indent.length + whole.length <= LINE_LENGTH_MAX) return whole;
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((one) => inner + short_json(one, inner))
    : Object.entries(value).map(([name, one]) => `${inner}${JSON.stringify(name)}: ${short_json(one, inner)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${lines.join(',\n')}\n${indent}${close}`;
}

function one_line(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(one_line).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${one_line(one)}`).join(', ')} }`;
  }
  return JSON.stringify(value) ?? 'null';
}
