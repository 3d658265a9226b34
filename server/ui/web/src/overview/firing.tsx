// The strip of firing alerts above everything else.

import type { Alert } from "../lib/api";
import { LabelList, Time } from "../parts/labels";
import { Failure } from "../parts/messages";

/** More are a number with a link. */
const SHOWN_MAX = 5;

export function Firing({ alerts, error }: { alerts?: Alert[]; error?: Error }) {
  if (!alerts) return error ? <Failure error={error} /> : null;
  const firing = alerts.filter(({ state }) => state === "firing");
  const pending = alerts.filter(({ state }) => state === "pending").length;
  if (firing.length === 0) {
    return (
      <p class="firing good">
        <span aria-hidden="true">● </span>
        <a href="alerts" data-go>No alert fires{pending > 0 ? `, ${pending} pending` : ""}</a>
      </p>
    );
  }
  firing.sort((a, b) => (b.activeAt ?? "").localeCompare(a.activeAt ?? ""));
  return (
    <ul class="firing bad" aria-label="Firing alerts">
      {firing.slice(0, SHOWN_MAX).map((alert) => (
        <li>
          <span aria-hidden="true">▲</span>{" "}
          <a href={`alerts?search=${encodeURIComponent(alert.labels.alertname ?? "")}`} data-go>{alert.labels.alertname}</a>{" "}
          {alert.annotations.summary ? <span>{alert.annotations.summary}</span> : <LabelList labels={alert.labels} without={["alertname"]} />}{" "}
          <span class="dim">began <Time at={alert.activeAt} /></span>
        </li>
      ))}
      {firing.length > SHOWN_MAX && <li><a href="alerts?state=firing" data-go>and {firing.length - SHOWN_MAX} more</a></li>}
    </ul>
  );
}
