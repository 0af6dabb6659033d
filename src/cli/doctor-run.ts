import { resolve } from 'node:path';

import { EXIT } from '../errors.ts';
import { doctorJson, doctorText } from '../report/doctor.ts';
import type { Finding } from '../report/doctor.ts';
import { columnsOf, environment, isInteractive, nowIso, wantsColour } from '../system.ts';
import type { DoctorFlags } from './doctor.ts';
import { catalogFinding } from './doctor/catalog.ts';
import { documentFindings } from './doctor/documents.ts';
import { machineFindings } from './doctor/machine.ts';
import { surroundingFindings } from './doctor/surroundings.ts';
import type { Streams } from './doctor/surroundings.ts';
import { insist, toolFindings, USES } from './doctor/tools.ts';
import { toolVersion } from './tool-version.ts';

/** `agent-infra doctor [dir]`. @returns the exit code */
export async function runDoctor(dir: string, flags: DoctorFlags): Promise<number> {
  const env = environment();
  const checkedAt = nowIso();
  // Programs answer while we read; waited for together, so that no rejection goes unhandled.
  const [tools, documents] = await Promise.all([
    toolFindings(env),
    documentFindings(resolve(dir), env),
  ]);
  const [machine, catalog] = await Promise.all([
    machineFindings(documents.load, checkedAt.slice(0, 10)),
    catalogFinding(checkedAt.slice(0, 10)),
  ]);
  const findings = insist(
    [...machine, ...tools, ...surroundingFindings(env, streams()), catalog, ...documents.findings],
    flags.for ?? [],
  );
  const exitCode = exitOf(findings);
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(doctorJson({ checkedAt, exitCode, findings }, toolVersion()), null, 2)}\n`
      : doctorText(findings, {
          colour: wantsColour(process.stdout),
          columns: columnsOf(process.stdout),
        }),
  );
  return exitCode;
}

function streams(): Streams {
  const { stderr, stdout } = process;
  return {
    stdoutIsTerminal: stdout.isTTY === true,
    columns: columnsOf(stdout),
    isInteractive: isInteractive(stderr),
    coloured: wantsColour(stdout),
  };
}

/** Documents first: they are wrong on every machine. */
function exitOf(findings: readonly Finding[]): number {
  const failed = findings.filter(({ level }) => level === 'fail');
  if (failed.some(({ group }) => group === 'documents')) return EXIT.usage;
  const needs: readonly string[] = Object.values(USES);
  if (failed.some(({ id }) => needs.includes(id))) return EXIT.missingDependency;
  return failed.length > 0 ? EXIT.refused : EXIT.pass;
}
