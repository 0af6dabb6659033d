import type { Framing } from '../config/provider-fault.ts';

/** Smaller than any frame, and no divisor of usual sizes: cuts fall everywhere. */
const PIECE_CHARACTERS = 7;

/**
 * SSE text as a fault frames it, in the pieces to write. Our frames are ASCII but for what a
 * caller put into tool names, so a piece is that many bytes.
 * @param text whole frames
 */
export function framed(
  text: string,
  how: Framing,
  { isLast }: { readonly isLast: boolean },
): readonly string[] {
  switch (how) {
    case 'crlf':
      return [text.replaceAll('\n', '\r\n')];
    case 'comments':
      return [text.replaceAll('\n\n', '\n\n: keep-alive\n\n\n')];
    case 'pieces': {
      const pieces: string[] = [];
      for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
        pieces.push(text.slice(at, at + PIECE_CHARACTERS));
      }
      return pieces;
    }
    case 'no-event-lines':
      return [text.replaceAll(/^event: .*\n/gmu, '')];
    case 'no-last-blank-line':
      return [isLast && text.endsWith('\n\n') ? text.slice(0, -1) : text];
    case 'duplicate-frames':
      return [text.replaceAll(/[^\n](?:[^\n]|\n(?!\n))*\n\n/gu, '$&$&')];
  }
}

/** Whether every client must read the stream as if nothing had happened. */
export function isHarmless(how: Framing): boolean {
  return how === 'crlf' || how === 'comments' || how === 'pieces';
}
