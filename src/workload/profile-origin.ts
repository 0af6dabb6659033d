import type { ProfileSource } from './workload-profile.ts';

/** What the fold cannot know by itself. */
export interface ProfileOrigin {
  readonly name: string;
  readonly format: string;
  readonly files: readonly string[];
  readonly page?: string | undefined;
  readonly date?: string | undefined;
}

export function sourceOf({
  format,
  page,
  date,
  files,
}: ProfileOrigin): Omit<ProfileSource, 'records'> {
  return {
    format,
    ...(page === undefined ? {} : { page }),
    ...(date === undefined ? {} : { date }),
    files,
  };
}
