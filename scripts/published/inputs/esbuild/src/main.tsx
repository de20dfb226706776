import { mean, type Reading } from "./statistics";
import table from "./table";
import data from "./readings.json";
import "./style.css";

enum Unit { Metre = "m", Litre = "l" }

namespace Format {
  export const level = (value: number, unit: Unit = Unit.Metre) => `${value.toFixed(2)} ${unit}`;
}

class Report {
  #readings: Reading[];
  static readonly title = "Levels";
  constructor(private readonly unit: Unit, readings: Iterable<Reading>) { this.#readings = [...readings]; }
  @logged get mean(): string { return Format.level(mean(this.#readings), this.unit); }
  render() {
    return <section className="report">
      <h1>{Report.title}</h1>
      {table(this.#readings.map(({ day, level }) => [day, Format.level(level)]))}
      <p>mean {this.mean ?? "none"}</p>
    </section>;
  }
}

function logged(_: unknown, context: ClassGetterDecoratorContext) { console.log(String(context.name)); }

async function* readings() { for (const one of data as Reading[]) yield one; }

const all: Reading[] = [];
for await (const one of readings()) all.push(one);
document.body.append(new Report(Unit.Metre, all).render());
if (false) { console.log("never", import("./unused")); }
