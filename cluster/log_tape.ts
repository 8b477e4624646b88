/**
 * The Log port on LogTape: levels, fields that add up, one line per event.
 *
 * LogTape's configuration belongs to the process, so there is one open log at a time.
 *
 * @module
 */
import { configureSync, getLogger, type Logger, type LogRecord, resetSync } from "@logtape/logtape";
import type { Log, LogFields } from "../actors/runtime/ports.ts";
import type { LogFormat, LogLevel } from "./config.ts";
import { LineWriter, type WriteAll } from "./line_writer.ts";
import { logLine } from "./log_line.ts";

/** What a log is opened with. */
export interface LogTapeOptions {
  /** Events below it are not made into lines. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Where the lines go. */
  readonly writeAll: WriteAll;
}

/** A log, and the way to end it. */
export interface OpenLog {
  readonly log: Log;
  /** Resolves when all lines are written; what is logged later goes nowhere. */
  close(): Promise<void>;
}

const LOGTAPE_LEVELS = { debug: "debug", info: "info", warn: "warning", error: "error" } as const;

/** Opens the process's log. */
export function openLog(options: LogTapeOptions): OpenLog {
  const lineOf = (wallMs: number, level: LogLevel, message: string, fields: LogFields) =>
    logLine({ wallMs, level, message, fields }, options.format);
  const writer = new LineWriter(
    options.writeAll,
    (lines) => lineOf(Date.now(), "warn", "log lines dropped", { lines }),
  );
  const sink = (record: LogRecord) => {
    // The raw text: LogTape would fill in {placeholders}, and a field's value may look like one.
    const message = typeof record.rawMessage === "string"
      ? record.rawMessage
      : record.rawMessage.join("");
    writer.write(lineOf(record.timestamp, levelOf(record), message, record.properties));
  };
  configureSync({
    reset: true,
    sinks: { lines: sink },
    loggers: [
      {
        category: ["headwater"],
        sinks: ["lines"],
        lowestLevel: LOGTAPE_LEVELS[options.level],
      },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "warning" },
    ],
  });
  return {
    log: new TapeLog(getLogger(["headwater"])),
    close: () => {
      resetSync();
      return writer.flush();
    },
  };
}

class TapeLog implements Log {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#logger.debug(message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.#logger.info(message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#logger.warn(message, fields);
  }

  error(message: string, fields: LogFields = {}): void {
    this.#logger.error(message, fields);
  }

  with(fields: LogFields): Log {
    return new TapeLog(this.#logger.with(fields));
  }
}

function levelOf(record: LogRecord): LogLevel {
  switch (record.level) {
    case "warning":
      return "warn";
    case "error":
    case "fatal":
      return "error";
    case "info":
      return "info";
    default:
      return "debug";
  }
}
