import { mkdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Where to write what becomes a file as a whole or not at all. */
export interface WholeFile {
  /** To be opened and written. */
  readonly path: string;
  /** All is written and closed: gives the file its name. */
  keep(): Promise<void>;
  /** Something went wrong: no half file stays. Without effect after `keep`. */
  drop(): Promise<void>;
}

/**
 * Makes the folder and writes beside the target, so that an interrupted write leaves what was there
 * before. A link stays a link, and its target is replaced; a device, a pipe or a terminal
 * (`/dev/stdout`) cannot be replaced and is written to as it is.
 * @throws what the file system says
 */
export async function wholeFile(file: string): Promise<WholeFile> {
  await mkdir(dirname(file), { recursive: true });
  const found = await stat(file).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  });
  if (found !== undefined && !found.isFile()) return asItIs(file);
  const target = found === undefined ? await linkedBy(file) : await realpath(file);
  const path = `${target}.partial`;
  return {
    path,
    keep: () => rename(path, target),
    drop: () => rm(path, { force: true }).catch(() => {}),
  };
}

/** The file that a link names which is not there yet; else the file itself. */
async function linkedBy(file: string): Promise<string> {
  const link = await readlink(file).catch(() => undefined);
  return link === undefined ? file : resolve(dirname(file), link);
}

/** A folder fails when it is opened. */
function asItIs(path: string): WholeFile {
  const nothing = (): Promise<void> => Promise.resolve();
  return { path, keep: nothing, drop: nothing };
}
