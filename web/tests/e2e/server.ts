// Where the pages under test come from: a running program (BASE_URL), or the stand-in server, which answers from the fixtures.
// Either way through a line that a test can cut, so that a server that stops and comes back is seen as a browser sees it.

import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
// The stand-in is plain JavaScript, so that it runs without a build.
// @ts-expect-error it has no types
import { start_mock } from '../mock/server.mjs';

export interface MockOptions {
  live?: number;
  empty?: boolean;
  stalled?: boolean;
  /** Searches go on until they are cancelled. */
  slow?: boolean;
  replay?: number;
}

export interface Mock {
  url: string;
  shop: { feeds: Set<unknown>; seq: number };
  close: () => Promise<void>;
}

/** The address of the program under test; null where the stand-in takes its place. */
export const real_url = process.env.PAGES_URL?.replace(/\/$/, '') || null;

export function open_mock(options: MockOptions = {}): Promise<Mock> {
  return start_mock(options) as Promise<Mock>;
}

export interface Line {
  url: string;
  /** Ends every connection and takes no new one. */
  cut: () => void;
  mend: () => void;
  close: () => Promise<void>;
}

/** A way to `target` that can be cut. */
export async function open_line(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return void near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      whole = false;
      for (const socket of sockets) socket.destroy();
    },
    mend: () => {
      whole = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
