import { namedDocument } from '../config/bundled.ts';
import { loadWorkloadProfile } from '../config/workload-profile.ts';
import { profileDiffText } from '../report/profile-diff.ts';
import { profileText } from '../report/profile-text.ts';
import { columnsOf, wantsColour } from '../system.ts';
import { diffProfiles } from '../workload/profile-diff.ts';

export interface ViewFlags {
  readonly json?: boolean | undefined;
}

/** `profile show`: the report of a stored profile, or of a bundled one by name. */
export async function showProfile(file: string, flags: ViewFlags): Promise<void> {
  const { skeletons, ...figures } = await loadWorkloadProfile(namedDocument('profile', file));
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(figures, null, 2)}\n`
      : profileText(
          { ...figures, skeletons },
          { colour: wantsColour(process.stdout), columns: columnsOf(process.stdout) },
        ),
  );
}

/** `profile diff`: two stored profiles side by side. */
export async function diffStoredProfiles(
  before: string,
  after: string,
  flags: ViewFlags,
): Promise<void> {
  const [a, b] = await Promise.all([
    loadWorkloadProfile(namedDocument('profile', before)),
    loadWorkloadProfile(namedDocument('profile', after)),
  ]);
  const differences = diffProfiles(a, b);
  const names = { before: a.name, after: b.name };
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ schema: 'agent-infra/profile-diff', schemaVersion: '1.0', ...names, differences }, null, 2)}\n`
      : profileDiffText(names, differences, {
          colour: wantsColour(process.stdout),
          columns: columnsOf(process.stdout),
        }),
  );
}
