/** Options of {@link init}. Only `dsn` is required, together with `endpoint` unless the DSN is a URL. */
export interface MonlightConfig {
  /** The public key of the project, or `https://<key>@<relay host>/<path>`. */
  dsn: string;
  /** Base URL of the relay; trailing slashes do not matter. */
  endpoint?: string;
  /** Version of the page's code; the relay finds source maps by it when there is no debug id. */
  release?: string;
  /** Where the page runs; `prod` when it is not said. */
  environment?: string;
  /** Share of sessions, 0 to 1, of which Web Vitals and request timings are collected. Default 1. */
  sampleRate?: number;
  /** Share of errors, 0 to 1, that are reported. Default 1. */
  errorSampleRate?: number;
  /** Say on the console why something was not delivered. Default false. */
  debug?: boolean;
  /** Sees each error last: returns it, changed or not, or null to drop it. If it throws, the error is sent as it was. */
  beforeSend?: (event: BrowserError) => BrowserError | null | undefined;
  /** Drop an error whose `beforeSend` threw, instead of sending it as it was. Default false. */
  dropOnBeforeSendError?: boolean;
  /** With false nothing is installed and the client does nothing. Default true. */
  enabled?: boolean;
  /** Report console.error and console.warn. Default false. */
  captureConsole?: boolean;
  /** Report scripts, styles and images that do not load. Default false. */
  captureResources?: boolean;
  /** Name of the present route, such as `/orders/{id}`. Default: the path with ids replaced. */
  route?: () => string;
}

/** The options as they are used: dsn is the bare key. */
export type ResolvedConfig = MonlightConfig & { endpoint: string };

/** A feature that can be left out of a bundle: uncaught, page, network, vitals or consoleErrors. */
export type Part = () => void;

export type Labels = Record<string, string | number | boolean>;

/** What happened before an error. */
export interface Breadcrumb {
  /** ISO 8601, UTC. */
  t: string;
  category: string;
  message: string;
  level?: string;
  data?: Record<string, unknown>;
}

/** An error as `beforeSend` sees it and as it is sent. */
export interface BrowserError {
  /** 32 hex digits; the same report sent twice counts once. */
  event_id: string;
  type: string;
  message: string;
  /** As the browser wrote it. */
  stack: string;
  /** Without query and fragment. */
  url: string;
  timestamp: string;
  session_id: string;
  release?: string;
  context: Record<string, unknown>;
  handled: boolean;
  mechanism: string;
  causes: { type: string; message: string; stack: string }[];
  breadcrumbs: Breadcrumb[];
  debug_ids: Record<string, string>;
  /** Equal errors that were not sent since the last one. */
  count?: number;
}

export interface BrowserMetric {
  name: string;
  type: 'counter' | 'histogram' | 'gauge';
  value: number;
  labels: Labels;
  timestamp: string;
}

export interface MetricsApi {
  /** Adds to a counter; 1 unless said otherwise. */
  counter(name: string, value?: number, labels?: Labels): void;
  /** Notes one observation of a distribution. */
  histogram(name: string, value: number, labels?: Labels): void;
  /** Sets a value. */
  gauge(name: string, value: number, labels?: Labels): void;
}

/** None of the methods throws, blocks or returns anything. */
export interface MonlightClient {
  captureError(error: unknown, context?: Record<string, unknown>): void;
  captureMessage(message: string, level?: 'error' | 'warning' | 'info'): void;
  /** null forgets the user. */
  setUser(id: string | null): void;
  /** Goes with every later error. */
  addContext(key: string, value: unknown): void;
  readonly metrics: MetricsApi;
  /** Sends what is waiting, now. */
  flush(): void;
  /** Sends what is waiting, gives back what was replaced, and does nothing from then on. */
  destroy(): void;
}
