// The registry of screens: every page and state that a reader can see. The gates
// look at each of them, and docs/screenshots has a picture of each.
//
// A service has name, start(browser), which resolves to its world, screens, and in
// changes the path of a form that changes something, if it has any.
// A screen has
//   name     what it is called, and its picture;
//   path     where it is: text, or a function of the world;
//   of       the session of the world that opens it ('reader' if not said);
//   prepare  what is done to the page before it is opened;
//   act      what a reader does to get there;
//   alone    whether it needs a page of its own, for what it does to cookies or the network;
//   small    whether it is one of the main ones, pictured at 360 px as well;
//   at       the part of the page that its picture has to show;
//   status, js, signedIn  as Session.open has them.
import { errors } from './screens/errors.mjs';
import { logs } from './screens/logs.mjs';
import { metrics } from './screens/metrics.mjs';
import { relay } from './screens/relay.mjs';
import { status } from './screens/status.mjs';

export const services = [errors, logs, metrics, relay, status];
