/** Whether a CSV record goes on in the next line: a quoted field with a line end in it is open. */
export function isOpenRecord(text: string): boolean {
  let quotes = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) quotes += 1;
  return quotes % 2 === 1;
}

/** The fields of one CSV record (RFC 4180: quotes round a field, doubled inside it). */
export function csvFields(record: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = '';
    if (record[at] === '"') {
      at += 1;
      for (;;) {
        const quote = record.indexOf('"', at);
        const end = quote === -1 ? record.length : quote;
        field += record.slice(at, end);
        at = end + 1;
        if (record[at] !== '"' || quote === -1) break;
        field += '"';
        at += 1;
      }
    }
    const comma = record.indexOf(',', at);
    field += record.slice(at, comma === -1 ? record.length : comma);
    fields.push(field);
    if (comma === -1) return fields;
    at = comma + 1;
  }
}
