import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { AgentInfraError, asError } from '../errors.ts';
import type { CapacityReport } from '../loadtest/capacity.ts';
import { SAMPLES_FILE } from '../loadtest/job.ts';
import { renderCapacityText } from '../report/capacity-text.ts';
import { columnsOf, wantsColour } from '../system.ts';

/** The result of a capacity search in its folder. */
export const CAPACITY_FILE = 'capacity.json';

/** True for the folder of a capacity search; those of its trials are runs. */
export function isCapacityFolder(folder: string): boolean {
  return existsSync(join(folder, CAPACITY_FILE)) && !existsSync(join(folder, SAMPLES_FILE));
}

/** The result of a search again. Throws `usage.invalid` for a format that only runs have. */
export function renderCapacityFolder(folder: string, format: string): string {
  const report = readCapacity(join(folder, CAPACITY_FILE));
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case 'text': {
      const style = { colour: wantsColour(process.stdout), columns: columnsOf(process.stdout) };
      return renderCapacityText(report, style);
    }
    default:
      throw new AgentInfraError(
        'usage.invalid',
        `${folder} is a capacity search: its report is text or json, not ${format}`,
        { hint: `For ${format}, name one of its trials: ${join(folder, 'trial-01')}.` },
      );
  }
}

function readCapacity(file: string): CapacityReport {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as CapacityReport;
    if (value.schema === 'agent-infra/loadtest-capacity') return value;
  } catch (thrown) {
    throw new AgentInfraError('trace.unreadable', `${file}: ${asError(thrown).message}`, {
      cause: asError(thrown),
    });
  }
  throw new AgentInfraError('trace.unreadable', `${file} is no result of a capacity search`);
}
