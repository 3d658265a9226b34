// What the Overview asks: one row per resource, utilisation, saturation and errors by the USE method.

import type { Unit } from "../lib/format";

export interface Cell {
  caption: string;
  /** Shown on hover: what the number says. */
  about: string;
  expr: string;
  unit: Unit;
  /** From here on it is out of bounds, and how badly. */
  warn?: number;
  bad?: number;
  /** The least that the top of the sparkline stands for. */
  ceiling: number;
  /** Said instead of a number when the host has no such series. */
  absent: string;
  /** Needs two scrapes. */
  rate: boolean;
}

export interface Row {
  name: string;
  cells: Cell[];
}

const DISKS = 'device!~"(loop|ram|zram|fd|sr|dm-).*"';
const NETWORKS = 'device!~"(lo|veth|docker|br-|virbr|cali|flannel|cni).*"';

/** `host` is `instance="..."` and so on; `window` the range for rates, such as `1m`. */
export function rows(host: string, window: string): Row[] {
  const rate = (name: string, more = "") => `rate(${name}{${[host, more].filter(Boolean).join(",")}}[${window}])`;
  return [cpu(host, rate), memory(host, rate), disks(host, rate), network(rate), pressure(rate)];
}

type Rate = (name: string, more?: string) => string;

function cpu(host: string, rate: Rate): Row {
  return {
    name: "CPU",
    cells: [
      {
        caption: "busy", about: "Share of all cores that is not idle, waiting for I/O or stolen by the hypervisor",
        expr: `1 - avg(sum without (mode) (${rate("node_cpu_seconds_total", 'mode=~"idle|iowait|steal"')}))`,
        unit: "ratio", warn: 0.9, bad: 0.98, ceiling: 0.2, absent: "not exported", rate: true,
      },
      {
        caption: "load per core", about: "Average number of tasks that run or wait, over one minute, per core",
        expr: `sum(node_load1{${host}}) / count(count by (cpu) (node_cpu_seconds_total{${host}}))`,
        unit: "number", warn: 1.5, bad: 4, ceiling: 1, absent: "not exported", rate: false,
      },
      {
        caption: "throttled", about: "Times per second that a core slowed down because of heat or power",
        expr: `sum(${rate("node_cpu_core_throttles_total")})`,
        unit: "/s", warn: 0.01, ceiling: 1, absent: "no counter", rate: true,
      },
    ],
  };
}

function memory(host: string, rate: Rate): Row {
  return {
    name: "Memory",
    cells: [
      {
        caption: "used", about: "Memory that a new program could not have without swapping",
        expr: `1 - sum(node_memory_MemAvailable_bytes{${host}}) / sum(node_memory_MemTotal_bytes{${host}})`,
        unit: "ratio", warn: 0.9, bad: 0.97, ceiling: 1, absent: "not exported", rate: false,
      },
      {
        caption: "major faults", about: "Pages per second that had to be read from disk before a program could go on",
        expr: `sum(${rate("node_vmstat_pgmajfault")})`,
        unit: "/s", warn: 500, bad: 2000, ceiling: 50, absent: "no counter", rate: true,
      },
      {
        caption: "killed, last hour", about: "Processes that the kernel killed because memory ran out",
        expr: `sum(increase(node_vmstat_oom_kill{${host}}[1h]))`,
        unit: "count", warn: 0.5, bad: 0.5, ceiling: 1, absent: "no counter", rate: true,
      },
    ],
  };
}

function disks(host: string, rate: Rate): Row {
  return {
    name: "Disks",
    cells: [
      {
        caption: "busiest", about: "Share of the time in which the busiest disk had something to do",
        expr: `max(${rate("node_disk_io_time_seconds_total", DISKS)})`,
        unit: "ratio", warn: 0.9, bad: 0.99, ceiling: 0.2, absent: "no disks", rate: true,
      },
      {
        caption: "queue", about: "Requests under way or waiting at the disk with the longest queue",
        expr: `max(${rate("node_disk_io_time_weighted_seconds_total", DISKS)})`,
        unit: "number", warn: 10, bad: 50, ceiling: 1, absent: "no disks", rate: true,
      },
      {
        caption: "failed in RAID", about: "Disks that software RAID has given up",
        expr: `sum(node_md_disks{${host},state="failed"})`,
        unit: "count", warn: 0.5, bad: 0.5, ceiling: 1, absent: "no software RAID", rate: false,
      },
    ],
  };
}

function network(rate: Rate): Row {
  const both = (kind: string) =>
    `sum(${rate(`node_network_receive_${kind}_total`, NETWORKS)}) + sum(${rate(`node_network_transmit_${kind}_total`, NETWORKS)})`;
  return {
    name: "Network",
    cells: [
      {
        caption: "in and out", about: "Bytes received and sent per second, all interfaces but loopback and bridges",
        expr: both("bytes"), unit: "bytes/s", ceiling: 1024, absent: "no interfaces", rate: true,
      },
      {
        caption: "dropped", about: "Packets per second that found no room in a queue",
        expr: both("drop"), unit: "/s", warn: 1, bad: 100, ceiling: 1, absent: "no interfaces", rate: true,
      },
      {
        caption: "errors", about: "Packets per second that arrived damaged or could not be sent",
        expr: both("errs"), unit: "/s", warn: 0.01, bad: 10, ceiling: 1, absent: "no interfaces", rate: true,
      },
    ],
  };
}

function pressure(rate: Rate): Row {
  const waiting = (what: string, caption: string, about: string): Cell => ({
    caption, about, expr: `sum(${rate(`node_pressure_${what}_waiting_seconds_total`)})`,
    unit: "ratio", warn: 0.25, bad: 0.6, ceiling: 0.1, absent: "kernel without PSI", rate: true,
  });
  return {
    name: "Pressure",
    cells: [
      waiting("cpu", "waits for CPU", "Share of the time in which a task waited for a core"),
      waiting("memory", "waits for memory", "Share of the time in which a task waited for memory"),
      waiting("io", "waits for I/O", "Share of the time in which a task waited for a disk"),
    ],
  };
}

const REAL = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|autofs|fuse.lxcfs|nsfs|rpc_pipefs"';

/** What is asked about filesystems; `trend` is how far the forecast looks back. */
export function filesystems(host: string, trend: string) {
  const all = `{${host},${REAL}}`;
  const avail = `node_filesystem_avail_bytes${all}`;
  return {
    size: `node_filesystem_size_bytes${all}`,
    avail,
    inodes: `1 - node_filesystem_files_free${all} / (node_filesystem_files${all} > 0)`,
    readonly: `node_filesystem_readonly${all} == 1`,
    error: `node_filesystem_device_error{${host}} == 1`,
    /** Seconds until the trend reaches zero. */
    full: `predict_linear(${avail}[${trend}], 0) / -(deriv(${avail}[${trend}]) < 0)`,
    /** For the link: where the trend leads in a day. */
    forecast: `predict_linear(${avail}[${trend}], 86400)`,
  };
}
