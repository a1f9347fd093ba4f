/** The script tag: what core exports is the global MonlightSDK, and window.MonlightConfig starts it as window.Monlight. */
import { init } from './core.js';
import type { MonlightClient, MonlightConfig } from './types.js';

interface Page {
  MonlightSDK?: object;
  MonlightConfig?: MonlightConfig;
  Monlight?: MonlightClient;
}

const page = window as Page;
page.MonlightSDK = { init, Monlight: init };
// A page that has the tag twice gets one client.
if (page.MonlightConfig && !page.Monlight) page.Monlight = init(page.MonlightConfig);
