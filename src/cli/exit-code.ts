/** How a command reports its exit code when it ends without an error (a failed gate, an interrupt). */
export type SetExitCode = (code: number) => void;
