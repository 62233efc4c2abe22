// Drives one approval with the client that openapi-typescript makes: request, list, decide, answer.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Order = components["schemas"]["Order"];

const [url, token, operatorToken, orderId, callbackUrl] = process.argv.slice(2) as [string, string, string, string, string];
const program = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
const operator = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${operatorToken}` } });

function must<T>(answer: { data?: T; error?: unknown }, step: string): T {
  if (answer.data === undefined) throw new Error(`${step}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

const accepted = must(
  await program.POST("/v1/requests", {
    body: { orderId, callbackUrl, title: "Refund of 480 EUR", approvers: ["ann@example.com"], amount: 480 },
  }),
  "request",
);
const list = must(await operator.GET("/v1/orders", { params: { query: { state: "pending", limit: 1000 } } }), "list");
const listed = list.orders.find((o) => o.orderId === orderId)?.approvals[0];
if (listed?.approvalId !== accepted.approvalId || listed.status !== "pending") throw new Error("the list lacks the order");

const refused = await operator.GET("/v1/orders", { params: { query: { limit: 0 } } });
if (refused.error?.field !== "limit") throw new Error(`not a problem: ${JSON.stringify(refused)}`);

const decided = must(
  await program.POST("/v1/orders/{orderId}/decisions", {
    params: { path: { orderId } },
    body: { decision: "approve", decidedBy: "ann@example.com", comment: "fine" },
  }),
  "decide",
);
if (decided.verdict !== "decided") throw new Error(decided.verdict);

for (let attempt = 0; ; attempt++) {
  const order: Order = must(await operator.GET("/v1/orders/{orderId}", { params: { path: { orderId } } }), "show");
  if (order.approvals[0]?.callback.state === "delivered") break;
  if (attempt === 200) throw new Error(`not answered: ${JSON.stringify(order)}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
}
