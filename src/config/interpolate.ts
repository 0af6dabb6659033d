/**
 * `${VAR}` in string values, with the grammar of the Compose specification (interpolation):
 *
 *   value  = { text | "$$" | "$" name | "${" name [ op word ] "}" }
 *   op     = ":-" | "-" | ":?" | "?"        (with ":" an empty variable counts as unset)
 *   word   = value without "}"              (nested defaults allowed)
 *
 * Unlike Compose, an unset variable without default is an error, never an empty string.
 */
export function interpolate(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly text: string } | { readonly error: string } {
  let result = '';
  let index = 0;
  while (index < text.length) {
    const char = text[index]!;
    if (char !== '$') {
      result += char;
      index += 1;
      continue;
    }
    if (text[index + 1] === '$') {
      result += '$';
      index += 2;
      continue;
    }
    if (text[index + 1] !== '{') {
      const name = /^[A-Za-z_]\w*/.exec(text.slice(index + 1))?.[0];
      // "$5" is money, not a variable.
      if (name === undefined) {
        result += '$';
        index += 1;
        continue;
      }
      const value = env[name];
      if (value === undefined) return { error: unset(name) };
      result += value;
      index += 1 + name.length;
      continue;
    }
    const end = closingBrace(text, index + 2);
    if (end === -1) return { error: 'unclosed "${"; write "$$" for a literal dollar sign' };
    const value = resolve(text.slice(index + 2, end), env);
    if ('error' in value) return value;
    result += value.text;
    index = end + 1;
  }
  return { text: result };
}

function resolve(
  expression: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly text: string } | { readonly error: string } {
  const match = /^([A-Za-z_]\w*)(?:(:?[-?])([\s\S]*))?$/.exec(expression);
  if (match === null) return { error: `"\${${expression}}" is not a variable reference` };
  const [, name, operator, word] = match;
  const value = env[name!];
  const isSet = value !== undefined && !(operator?.startsWith(':') === true && value === '');
  if (isSet) return { text: value };
  if (operator === undefined) return { error: unset(name!) };
  if (operator.endsWith('-')) return interpolate(word!, env);
  return { error: `\${${name}}: ${word === '' ? 'is required' : word}` };
}

function unset(name: string): string {
  return `environment variable ${name} is not set; set it or write \${${name}:-default}`;
}

function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let index = from; index < text.length; index += 1) {
    if (text.startsWith('${', index)) depth += 1;
    else if (text[index] === '}') depth -= 1;
    if (depth === 0) return index;
  }
  return -1;
}
