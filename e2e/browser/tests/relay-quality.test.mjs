import { inspect } from '../gates.mjs';
import { relay } from '../screens/relay.mjs';

inspect('the quality of the pages of the relay', relay);
