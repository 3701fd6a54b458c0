import { Button, Checkbox, PasswordInput, Radio, SegmentedControl, Select, Switch, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { Bar } from "../ui/Bar.tsx";
import { ChangeMark } from "../ui/ChangeMark.tsx";
import { CommandBlock } from "../ui/CommandBlock.tsx";
import { ConfirmDialog } from "../ui/ConfirmDialog.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { Empty } from "../ui/Empty.tsx";
import { ErrorText } from "../ui/ErrorText.tsx";
import { Figures } from "../ui/Figures.tsx";
import { GrowthChart } from "../ui/GrowthChart.tsx";
import { Icon, type IconName } from "../ui/Icon.tsx";
import { KeyValues } from "../ui/KeyValues.tsx";
import { Mark } from "../ui/Mark.tsx";
import { Notice } from "../ui/Notice.tsx";
import { PathText } from "../ui/PathText.tsx";
import { Skeleton } from "../ui/Skeleton.tsx";
import { SpeedChart } from "../ui/SpeedChart.tsx";
import { Status } from "../ui/Status.tsx";
import { StatusIcon, type StatusName } from "../ui/StatusIcon.tsx";
import { type CellKind, Strip } from "../ui/Strip.tsx";
import { Cell, Table } from "../ui/Table.tsx";
import { Tag } from "../ui/Tag.tsx";
import css from "./styles.module.css";

const statuses: readonly StatusName[] = [
	"queued",
	"starting",
	"running",
	"success",
	"partial_success",
	"failed",
	"cancelled",
	"cancel_requested",
	"missed",
	"nothing_due",
	"disabled",
	"online",
	"unreachable",
	"proven",
	"overdue",
];

const cells: readonly CellKind[] = [
	"success",
	"partial_success",
	"failed",
	"cancelled",
	"missed",
	"running",
	"nothing_due",
];

const icons: readonly IconName[] = ["overview", "runs", "jobs", "agents", "vaults", "users", "audit", "settings"];

const long = `/srv/${"a-folder-with-a-long-name/".repeat(12)}report.pdf`;

/** Every component of `ui/` in its states, for development only. Its words are not part of the product. */
export default function Styles() {
	const [asking, setAsking] = useState(false);
	return (
		<main className={css["page"]}>
			<h1>Styles</h1>
			<Part name="Button">
				<Button variant="filled">Filled</Button>
				<Button>Default</Button>
				<Button variant="subtle">Subtle</Button>
				<Button variant="danger-outline" onClick={() => setAsking(true)}>
					Delete
				</Button>
				<Button loading>Saving</Button>
				<Button data-disabled aria-disabled="true">
					Not now
				</Button>
				<CopyButton text="copied" label="Copy" />
				<CopyButton text="copied" label="Copy" filled />
			</Part>
			<Part name="Fields">
				<TextInput label="Name" description="Shown in lists." defaultValue="offsite" />
				<TextInput label="Port" error="Is not a number." defaultValue="x" />
				<TextInput label="Address" readOnly defaultValue="set by the environment" />
				<PasswordInput
					label="Password"
					defaultValue="secret"
					visibilityToggleButtonProps={{ "aria-label": "Show password" }}
				/>
				<Select label="Machine" data={["fileserver-01", "web-02, unreachable"]} defaultValue="fileserver-01" />
				<Checkbox label="Also the storage keys" description="They are shown once." defaultChecked />
				<Radio.Group label="Kind" defaultValue="s3">
					<Radio value="s3" label="S3 bucket" description="Any S3-compatible storage." />
					<Radio value="directory" label="Folder" />
				</Radio.Group>
				<Switch label="Sends" defaultChecked />
				<SegmentedControl aria-label="View" data={["List", "Calendar"]} />
			</Part>
			<Part name="Status">
				{statuses.map((status) => (
					<Status key={status} status={status} percent={status === "running" ? 42 : undefined} />
				))}
				<Status status="running" form="pill">
					42 %
				</Status>
				<StatusIcon status="failed" label="Failed" />
			</Part>
			<Part name="Strip">
				<Strip
					label="Seven days"
					days={cells.map((kind, index) => ({ date: `2026-11-0${index + 1}`, kind, label: kind, tip: [kind] }))}
				/>
			</Part>
			<Part name="Change marks">
				<ChangeMark change="added" />
				<ChangeMark change="changed" />
				<ChangeMark change="deleted" />
			</Part>
			<Part name="Growth">
				<GrowthChart
					days={[1, 2, 3, 4].map((day) => ({ date: `2026-11-0${day}`, bytes: (40 + 2 * day) * 1_000_000_000 }))}
					rates={{ low: 1_000_000_000, middle: 2_000_000_000, high: 3_000_000_000 }}
					ahead={14}
					capacity={80_000_000_000}
					words={{
						label: "Stored, day by day",
						capacity: "Capacity",
						today: "Today",
						size: (bytes) => `${Math.round(bytes / 1_000_000_000)} GB`,
						day: (date) => date,
					}}
				/>
			</Part>
			<Part name="Figures">
				<Figures
					figures={[
						{ label: "Uploaded", value: "482", unit: "GB" },
						{ label: "Agents online", value: "3 of 4", note: "1 is not connected", tone: "warn" },
					]}
				/>
			</Part>
			<Part name="Bar">
				<Bar label="Hero" form="hero" value={62} moving />
				<Bar label="List" value={20} />
				<Bar label="Unknown total" value={undefined} moving />
			</Part>
			<Part name="SpeedChart">
				<SpeedChart
					label="Speed of the last minute"
					axis={(value) => `${value} B/s`}
					from="09:00"
					now="09:01"
					points={[3, 9, 4, 7, 8].map((first, index) => ({ at: index * 1000, first, second: first / 3 }))}
				/>
			</Part>
			<Part name="Notice">
				{(["neutral", "info", "good", "warn", "bad"] as const).map((tone) => (
					<Notice key={tone} tone={tone} title={`A notice of the tone ${tone}`} action={<Button>Look</Button>}>
						<p>One sentence that says more.</p>
					</Notice>
				))}
				<ErrorText
					words={{
						title: "The bucket refused the key",
						detail: "403 for hl-backup",
						hints: ["Enter a new key."],
						code: "storage_denied",
						requestId: "7f3a91",
					}}
				/>
			</Part>
			<Part name="Empty">
				<Empty icon="vaults" title="No vault yet" action={<Button variant="filled">New vault</Button>}>
					A vault is the encrypted place for restore points.
				</Empty>
			</Part>
			<Part name="Table">
				<Table
					label="Example"
					head={[
						{ name: "Name", wide: true },
						{ name: "Size", align: "right" },
					]}
				>
					<tr>
						<Cell strong icon={<Icon name="folder" />} second="12 files">
							Invoices
						</Cell>
						<Cell align="right">482 MB</Cell>
					</tr>
				</Table>
			</Part>
			<Part name="KeyValues">
				<KeyValues
					rows={[
						["Place", "S3, bucket hl-backup"],
						["Path", <PathText key="path" path={long} wrap />],
					]}
				/>
			</Part>
			<Part name="PathText">
				<PathText path={long} />
			</Part>
			<Part name="Tag">
				<Tag>Read-only</Tag>
				<Tag missing>Image: no LVM</Tag>
			</Part>
			<Part name="CommandBlock">
				<CommandBlock command="holdfast-agent enroll --server https://backup.example.com --token HF-7K2Q-M9XD-41RT" />
			</Part>
			<Part name="Skeleton">
				<Skeleton rows={3} />
			</Part>
			<Part name="Icon">
				<Mark />
				{icons.map((name) => (
					<Icon key={name} name={name} size={20} />
				))}
			</Part>
			<ConfirmDialog
				opened={asking}
				onClose={() => setAsking(false)}
				title="Remove offsite?"
				text="This cannot be taken back."
				points={[
					{ icon: "cancelled", text: "The connection is removed." },
					{ icon: "success", text: "The data stays." },
				]}
				keep="Keep vault"
				confirm="Remove vault"
				onConfirm={() => setAsking(false)}
				busy={false}
			/>
		</main>
	);
}

function Part({ name, children }: { name: string; children: ReactNode }) {
	return (
		<section aria-label={name} className={css["part"]}>
			<h2>{name}</h2>
			<div className={css["examples"]}>{children}</div>
		</section>
	);
}
