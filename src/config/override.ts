import { isMap, isSeq, parse, parseDocument } from 'yaml';

import { AgentInfraError, asError } from '../errors.ts';

/**
 * What-if: the document with some values replaced, `routes.0.tier=tier4` or
 * `workload.numbers.cachedShare=80%`. Values are read as YAML; keys that do not exist are added and
 * then judged by the schema like written ones.
 * @throws usage.invalid when an override has no path or reaches into a value that has no keys
 */
export function overrideYaml(text: string, overrides: readonly string[]): string {
  if (overrides.length === 0) return text;
  const document = parseDocument(text);
  // A broken document is reported by the real reader, with its places.
  if (document.errors.length > 0) return text;
  for (const override of overrides) {
    const [, path, value] = /^([^=]+)=([\s\S]*)$/.exec(override) ?? [];
    if (path === undefined || value === undefined) {
      throw invalid(override, 'expected path=value, such as routes.0.tier=tier4');
    }
    const steps = path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    try {
      for (let depth = 1; depth < steps.length; depth += 1) {
        const parent = document.getIn(steps.slice(0, depth), true);
        if (parent !== undefined && !isMap(parent) && !isSeq(parent)) {
          throw invalid(override, `${steps.slice(0, depth).join('.')} has no keys`);
        }
      }
      document.setIn(steps, document.createNode(parse(value) as unknown));
    } catch (thrown) {
      if (thrown instanceof AgentInfraError) throw thrown;
      throw invalid(override, asError(thrown).message);
    }
  }
  return document.toString({ lineWidth: 0 });
}

function invalid(override: string, why: string): AgentInfraError {
  return new AgentInfraError('usage.invalid', `--set ${override}: ${why}`);
}
