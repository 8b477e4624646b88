/**
 * What is said about a subscription besides its records: OPEN, CREDIT, STATE and END.
 *
 * Source: README.md beside this file, sections 4.3 and 6.
 *
 * @module
 */
import { STREAM_NAME_BYTES_MAX } from "../media/stream_name.ts";
import { Fields } from "./fields.ts";
import { malformed, type ReceivedFrame, requireBody } from "./frame.ts";
import { pack, unpack } from "./packed.ts";

/** Longest name of a node, in characters. */
export const NODE_NAME_CHARACTERS_MAX = 128;

/** Most nodes a STATE names as replicas. */
export const REPLICAS_MAX = 16;

/** Most credit that one CREDIT gives, and that a subscription may hold, in bytes. */
export const CREDIT_BYTES_MAX = 64 * 1024 * 1024;

/** Asks for the records of a stream. */
export interface OpenMessage {
  readonly app: string;
  readonly name: string;
  /** `edge`: only the stream's owner may answer. `any`: whoever has records of it may. */
  readonly mode: "edge" | "any";
  /** Highest epoch known; an owner of a lower one must refuse. */
  readonly epoch: number;
  /** First record wanted; the whole log when left out. */
  readonly fromSeq?: number;
}

/** What a stream's owner tells whoever carries it. */
export interface StateMessage {
  readonly state: "live" | "hold";
  readonly epoch: number;
  readonly generation: number;
  readonly owner: string;
  readonly ingest: string;
  readonly startedAtMs: number;
  readonly replicas: readonly string[];
}

/** Why a subscription is over. */
export type EndMessage =
  | { readonly reason: "ended" }
  | { readonly reason: "refused"; readonly owner?: string }
  | {
    readonly reason: "moved";
    readonly owner: string;
    readonly epoch: number;
    readonly seq: number;
  };

const MODES = ["edge", "any"] as const;
const STATES = ["live", "hold"] as const;
const REASONS = ["ended", "refused", "moved"] as const;

/** The body of an OPEN; holds until the next call of `pack`. */
export function writeOpen({ app, name, mode, epoch, fromSeq }: OpenMessage): Uint8Array {
  return pack({ app, name, mode, epoch, from: fromSeq });
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readOpen(frame: ReceivedFrame): OpenMessage {
  const fields = new Fields(unpack(frame, "4.3"), "4.3");
  const fromSeq = fields.optional("from", (name) => fields.integer(name));
  const open = {
    app: fields.text("app", STREAM_NAME_BYTES_MAX),
    name: fields.text("name", STREAM_NAME_BYTES_MAX),
    mode: fields.word("mode", MODES),
    epoch: fields.integer("epoch"),
  };
  if (open.app === "" || open.app.includes("/")) {
    throw malformed("Cannot read OPEN: app is no path element", "4.3");
  }
  return fromSeq === undefined ? open : { ...open, fromSeq };
}

const creditBody = new Uint8Array(4);
const creditView = new DataView(creditBody.buffer);

/** The body of a CREDIT, 1 to {@link CREDIT_BYTES_MAX} bytes; holds until the next call. */
export function writeCredit(bytes: number): Uint8Array {
  creditView.setUint32(0, bytes);
  return creditBody;
}

/** @throws {ProtocolError} The credit is zero or above its maximum. */
export function readCredit(frame: ReceivedFrame): number {
  requireBody(frame, 4, "4.3");
  const bytes = frame.view.getUint32(frame.start);
  if (bytes >= 1 && bytes <= CREDIT_BYTES_MAX) return bytes;
  throw malformed(
    `Cannot take credit: ${bytes} bytes, 1 to ${CREDIT_BYTES_MAX} may be given`,
    "4.3",
  );
}

/** The body of a STATE; holds until the next call of `pack`. */
export function writeState(state: StateMessage): Uint8Array {
  const { epoch, generation, owner, ingest, startedAtMs } = state;
  const replicas = state.replicas.slice(0, REPLICAS_MAX);
  return pack({ state: state.state, epoch, generation, owner, ingest, startedAtMs, replicas });
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readState(frame: ReceivedFrame): StateMessage {
  const fields = new Fields(unpack(frame, "6.2"), "6.2");
  return {
    state: fields.word("state", STATES),
    epoch: fields.integer("epoch"),
    generation: fields.integer("generation"),
    owner: fields.text("owner", NODE_NAME_CHARACTERS_MAX),
    ingest: fields.text("ingest", NODE_NAME_CHARACTERS_MAX),
    startedAtMs: fields.number("startedAtMs"),
    replicas: fields.texts("replicas", REPLICAS_MAX, NODE_NAME_CHARACTERS_MAX),
  };
}

/** The body of an END; holds until the next call of `pack`. */
export function writeEnd(end: EndMessage): Uint8Array {
  return pack(end);
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readEnd(frame: ReceivedFrame): EndMessage {
  const fields = new Fields(unpack(frame, "6.3"), "6.3");
  const reason = fields.word("reason", REASONS);
  const text = (name: string) => fields.text(name, NODE_NAME_CHARACTERS_MAX);
  switch (reason) {
    case "ended":
      return { reason };
    case "refused": {
      const owner = fields.optional("owner", text);
      return owner === undefined ? { reason } : { reason, owner };
    }
    case "moved":
      return {
        reason,
        owner: text("owner"),
        epoch: fields.integer("epoch"),
        seq: fields.integer("seq"),
      };
  }
}
