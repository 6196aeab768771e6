// Writes src/api/schema.ts from ../docs/openapi.json; with --check it only says whether that file is fresh.

import { readFileSync, writeFileSync } from 'node:fs';

const DOCUMENT = new URL('../../docs/openapi.json', import.meta.url);
const WRITTEN = new URL('../src/api/schema.ts', import.meta.url);

const HEAD = `// The shapes of /api/v1, written by scripts/schema.mjs from docs/openapi.json: \`npm run schema\` writes them anew, \`npm run check\` tells when
// they are old. What the document leaves open is told in types.ts.
`;

const PLAIN = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' };

function union(types) {
  return [...new Set(types)].sort((a, b) => Number(a === 'null') - Number(b === 'null')).join(' | ');
}

function type_of(schema) {
  if (schema.$ref) return schema.$ref.replace('#/components/schemas/', '');
  if (schema.oneOf) return union(schema.oneOf.map(type_of));
  if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value).replace(/^"(.*)"$/, "'$1'")));
  return union([schema.type].flat().map((type) => plain_type_of(type, schema)));
}

function plain_type_of(type, schema) {
  if (type === 'array') {
    if (!schema.items) return 'unknown[]';
    const item = type_of(schema.items);
    return item.includes(' ') ? `(${item})[]` : `${item}[]`;
  }
  if (type === 'object') return schema.additionalProperties ? `Record<string, ${type_of(schema.additionalProperties)}>` : 'object';
  if (!(type in PLAIN)) throw new Error(`the type ${type} is not known here`);
  return PLAIN[type];
}

function declaration([name, schema]) {
  const what = schema.description ? `/** ${schema.description} */\n` : '';
  if (!schema.properties) return `${what}export type ${name} = ${type_of(schema)};\n`;
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties).map(([field, of]) => `  ${field}${required.has(field) ? '' : '?'}: ${type_of(of)};\n`);
  return `${what}export interface ${name} {\n${fields.join('')}}\n`;
}

const { components } = JSON.parse(readFileSync(DOCUMENT, 'utf8'));
const text = [HEAD, ...Object.entries(components.schemas).map(declaration)].join('\n');

if (!process.argv.includes('--check')) {
  writeFileSync(WRITTEN, text);
} else if (readFileSync(WRITTEN, 'utf8') !== text) {
  console.error('src/api/schema.ts is not what docs/openapi.json says: write it anew with `npm run schema`, then read what changed');
  process.exitCode = 1;
}
