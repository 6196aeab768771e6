// Reads the text of server-sent events as it arrives in arbitrary pieces. No I/O.
//
//     id: 12,40\n
//     event: rows\n
//     data: {...}\n
//     \n

export interface ServerEvent {
  event: string;
  data: string;
  id: string | null;
}

/** A line longer than this is no event of ours; what was read of it is dropped so that memory stays bounded. */
const LINE_LENGTH_MAX = 16 * 1024 * 1024;

export class EventParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #id: string | null = null;

  /** The events that are complete with this piece. */
  push(piece: string): ServerEvent[] {
    const text = this.#rest + piece;
    const lines = text.split(/\r\n|\n|\r(?=[^\n])/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LINE_LENGTH_MAX) this.#rest = '';
    const events: ServerEvent[] = [];
    for (const line of lines) {
      const event = this.#take(line);
      if (event) events.push(event);
    }
    return events;
  }

  #take(line: string): ServerEvent | null {
    if (line === '') return this.#finish();
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    return null;
  }

  #finish(): ServerEvent | null {
    const event = this.#data.length > 0 ? { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id } : null;
    this.#event = '';
    this.#data = [];
    return event;
  }
}
