//! `millrace provider`: looks at providers, registers one and looks after it.

use crate::{
	context,
	failure::{Failure, Result},
	job::{endpoint, name},
	options::{Global, ProviderCommand, RegisterOptions},
	output::Output,
	units::mill,
};
use comfy_table::{presets::UTF8_HORIZONTAL_ONLY, CellAlignment, Table};
use millrace_client::{
	calls,
	keys::{address, parse_account},
	At, Call, Chain, Keypair,
};
use millrace_primitives::{
	api::{ProviderView, MAX_PAGE},
	provider::{ClassSet, ProviderInfo},
	AccountId,
};
use serde_json::json;

/// Runs the command.
pub async fn run(global: &Global, command: ProviderCommand, output: &mut Output) -> Result<()> {
	if !matches!(
		command,
		ProviderCommand::List | ProviderCommand::Show { provider: Some(_) }
	) {
		// Said before a node is asked.
		global.signer()?;
	}
	let chain = global.connect().await?;
	match command {
		ProviderCommand::List => list(&chain, output).await,
		ProviderCommand::Show { provider } => {
			let account = global.account(provider)?;
			let view = view(&chain, &account, At::Best).await?;
			output.result(&view, describe(&view))
		}
		ProviderCommand::Register(options) => register(&chain, &global.signer()?, options, output).await,
		ProviderCommand::Drain => act(global, &chain, calls::drain(), "It takes no more work.", output).await,
		ProviderCommand::Resume => act(global, &chain, calls::resume(), "It takes work again.", output).await,
		ProviderCommand::Bond { amount } => {
			let signer = global.signer()?;
			let call = calls::bond_more(amount);
			context::ensure_funds(&chain, &signer, &call, amount).await?;
			act(
				global,
				&chain,
				call,
				&format!("{} were added to the bond.", mill(amount)),
				output,
			)
			.await
		}
		ProviderCommand::Unbond { amount } => {
			let done = format!(
				"{} leave the bond; get them back with `millrace provider withdraw`.",
				mill(amount)
			);
			act(global, &chain, calls::unbond(amount), &done, output).await
		}
		ProviderCommand::Withdraw => act(global, &chain, calls::withdraw(), "What was unbonded is free.", output).await,
		ProviderCommand::Heartbeat => act(global, &chain, calls::heartbeat(), "It gave a sign of life.", output).await,
	}
}

async fn view(chain: &Chain, account: &AccountId, at: At) -> Result<ProviderView> {
	let view = chain.market(at).provider(account).await?;
	view.ok_or_else(|| {
		Failure::Input(format!(
			"{} is no provider and no provider's operator",
			address(account)
		))
	})
}

/// Submits a call of the signer's own provider.
async fn act(global: &Global, chain: &Chain, call: Call, done: &str, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let (finalized, transaction) = context::submit(chain, &signer, call).await?;
	let view = chain
		.market(At::Hash(finalized.block.hash))
		.provider(&signer.account())
		.await?;
	output.result(
		&json!({ "provider": view, "transaction": transaction }),
		format!("{done}{}", context::fee(&finalized)),
	)
}

async fn list(chain: &Chain, output: &mut Output) -> Result<()> {
	let head = chain.best_head().await?;
	let market = chain.market(At::Hash(head.hash));
	let mut providers: Vec<ProviderView> = Vec::new();
	loop {
		let page = market
			.providers(providers.last().map(|provider| &provider.id), MAX_PAGE)
			.await?;
		let full = page.len() as u64 >= u64::from(MAX_PAGE);
		providers.extend(page);
		if !full {
			break;
		}
	}
	let mut table = Table::new();
	table.load_preset(UTF8_HORIZONTAL_ONLY);
	table.set_header([
		"provider",
		"status",
		"slots",
		"memory",
		"MILL/Ggas",
		"region",
		"classes",
		"reputation",
		"bond",
		"note",
	]);
	for provider in &providers {
		table.add_row([
			address(&provider.id),
			name(&provider.status),
			format!("{}/{}", provider.used_slots, provider.slots),
			format!("{} MiB", provider.memory_pages / 16),
			mill(provider.ask).replace(" MILL", ""),
			name(&provider.region),
			classes(provider.classes),
			percent(provider),
			mill(provider.bond),
			provider.reason.clone().unwrap_or_default(),
		]);
	}
	for column in [2, 3, 4, 7, 8] {
		if let Some(column) = table.column_mut(column) {
			column.set_cell_alignment(CellAlignment::Right);
		}
	}
	let text = if providers.is_empty() {
		"There are no providers.".into()
	} else {
		table.to_string()
	};
	output.result(&providers, text)
}

fn classes(set: ClassSet) -> String {
	set.iter().map(|class| name(&class)).collect::<Vec<_>>().join(", ")
}

fn percent(provider: &ProviderView) -> String {
	let parts = provider.reputation.deconstruct();
	format!("{}.{} %", parts / 10_000, parts % 10_000 / 1_000)
}

fn describe(provider: &ProviderView) -> String {
	let note = match (&provider.reason, provider.drawable) {
		(Some(reason), _) => reason.clone(),
		(None, true) => "the next draw may find it".into(),
		(None, false) => "no draw finds it at present".into(),
	};
	[
		("provider", address(&provider.id)),
		("operator", address(&provider.operator)),
		("status", format!("{} ({note})", name(&provider.status))),
		("slots", format!("{} of {} in use", provider.used_slots, provider.slots)),
		("memory of a slot", format!("{} MiB", provider.memory_pages / 16)),
		("price", format!("{} per Ggas", mill(provider.ask))),
		("region", name(&provider.region)),
		("classes", classes(provider.classes)),
		("endpoint", provider.endpoint.clone()),
		(
			"bond",
			format!(
				"{}, {} of it reserved by open work",
				mill(provider.bond),
				mill(provider.liability)
			),
		),
		("reputation", percent(provider)),
		("last seen", format!("market block {}", provider.last_seen)),
	]
	.map(|(name, value)| format!("{name:<18}{value}"))
	.join("\n")
}

async fn register(chain: &Chain, signer: &Keypair, options: RegisterOptions, output: &mut Output) -> Result<()> {
	let operator = match parse_account(&options.operator) {
		Ok(account) => account,
		Err(_) => Keypair::load(&options.operator)?.account(),
	};
	if operator == signer.account() {
		return Err(Failure::Input(
			"the operator must be another key than the provider's own: it lies on the machine that works".into(),
		));
	}
	if !options.allow_private {
		context::ensure_public(chain, std::slice::from_ref(&options.endpoint)).await?;
	}
	let info = ProviderInfo {
		classes: ClassSet::of(&options.classes),
		region: options.region,
		slots: options.slots,
		memory_pages: options.memory,
		ask: options.ask,
		endpoint: endpoint(&options.endpoint)?,
	};
	let call = calls::register(&operator, &info, options.bond, options.funding);
	context::ensure_funds(chain, signer, &call, options.bond.saturating_add(options.funding)).await?;
	let (finalized, transaction) = context::submit(chain, signer, call).await?;
	let provider = view(chain, &signer.account(), At::Hash(finalized.block.hash)).await?;
	let document = json!({ "provider": provider, "transaction": transaction });
	let text = format!(
		"Registered in block {}.{}\n{}",
		finalized.block.number,
		context::fee(&finalized),
		describe(&provider)
	);
	output.result(&document, text)
}
