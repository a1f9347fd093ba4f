// trace.mjs MAP POSITIONS ANSWERS: measures @jridgewell/trace-mapping and writes what it finds.
import { readFileSync, writeFileSync } from 'node:fs';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
const positions = readFileSync(process.argv[3], 'utf8').trim().split('\n').map((t) => t.split(' ').map(Number));
const before = peak();
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
const used = cpu();
let begin = performance.now();
const map = new TraceMap(readFileSync(process.argv[2], 'utf8'));
const look = ([line, column]) => originalPositionFor(map, { line, column: column - 1 });
positions.slice(0, 30).map(look);
const cold = performance.now() - begin, coldCPU = cpu() - used;
begin = performance.now();
const found = positions.map(look);
const seconds = (performance.now() - begin) / 1000;
writeFileSync(process.argv[4], found.map((f) => (f.source === null ? 'none' : `${f.source}:${f.line}:${f.column + 1}${f.name ? ' ' + f.name : ''}`)).join('\n') + '\n');
console.log(JSON.stringify({ coldMS: cold, coldCPU, perSecond: positions.length / seconds, peakMB: peak() - before }));
