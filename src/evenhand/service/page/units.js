// Units as the configuration states them, freely: "kg/unit" of a burden is kg a round, "$/unit" of a price is $.

const total = (text) => (text ?? "").replace(/\s*(\/|per )\s*[^/]*$/, "").trim();

/** What a kind of burden is measured in, "" where nothing is said. */
export const ofBurden = (shown, kind) => total(shown.units[kind]);

/** What costs are measured in: as the price of a unit of work. */
export function ofMoney(shown) {
  const { linear } = shown.configuration;
  const column = typeof linear === "string" ? linear : linear?.column;
  return total(shown.units.money ?? shown.units.cost ?? shown.units.linear ?? shown.units[column] ?? shown.units.price);
}

/** What is allocated. */
export function ofWork(shown) {
  const { demand } = shown.configuration;
  const column = typeof demand === "string" ? demand : demand?.column;
  return shown.units.demand ?? shown.units[column] ?? shown.units.work ?? "";
}

/** Words with a unit between them, without a gap where there is none. */
export const phrase = (...parts) => parts.filter(Boolean).join(" ");
