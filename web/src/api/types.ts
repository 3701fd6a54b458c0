import type { components } from "./schema.gen.ts";

type Schemas = components["schemas"];

export type Problem = Schemas["Problem"];
export type Failure = Schemas["Failure"];
export type Action = Schemas["Action"];
export type Me = Schemas["Me"];
export type Overview = Schemas["Overview"];
export type OverviewJob = Schemas["OverviewJob"];
export type OverviewVault = Schemas["OverviewVault"];
export type VaultFill = Schemas["VaultFill"];
export type VaultGrowth = Schemas["VaultGrowth"];
export type Alert = Schemas["Alert"];
export type Severity = Schemas["Severity"];
export type NotificationChannel = Schemas["NotificationChannel"];
export type NotificationRules = Schemas["NotificationRules"];
export type NotificationTest = Schemas["NotificationTest"];
export type ChannelCreate = Schemas["ChannelCreate"];
export type ChannelPatch = Schemas["ChannelPatch"];
export type ChannelTarget = Schemas["ChannelTarget"];
export type Delivery = Schemas["Delivery"];
export type RunResult = Schemas["RunResult"];
export type Settings = Schemas["Settings"];
export type SettingsPatch = Schemas["SettingsPatch"];
export type User = Schemas["User"];
export type UserCreate = Schemas["UserCreate"];
export type UserPatch = Schemas["UserPatch"];
export type Role = Schemas["Role"];
export type AuditEntry = Schemas["AuditEntry"];
export type Agent = Schemas["Agent"];
export type AgentReference = Schemas["AgentReference"];
export type BrowseEntry = Schemas["BrowseEntry"];
export type BrowseListing = Schemas["BrowseListing"];
export type Vault = Schemas["Vault"];
export type VaultCreate = Schemas["VaultCreate"];
export type VaultTestResult = Schemas["TestVaultResult"];
export type MaintenanceRun = Schemas["MaintenanceRun"];
export type StorageInput = Schemas["StorageInput"];
export type RecoveryKit = Schemas["RecoveryKit"];
export type Job = Schemas["Job"];
export type JobCreate = Schemas["JobCreate"];
export type JobPolicy = Schemas["JobPolicy"];
export type EstimateRequest = Schemas["EstimateRequest"];
export type EstimateResult = Schemas["EstimateResult"];
export type LeftOutCount = Schemas["LeftOutCount"];
export type PathExplanation = Schemas["PathExplanation"];
export type JobPatch = Schemas["JobPatch"];
export type JobDay = Schemas["JobDay"];
export type Schedule = Schemas["Schedule"];
export type ScheduleType = Schemas["ScheduleType"];
export type Retention = Schemas["Retention"];
export type RetentionRule = Schemas["RetentionRule"];
export type RetentionPreview = Schemas["RetentionPreview"];
export type Weekday = Schemas["Weekday"];
export type Compression = Schemas["Compression"];
export type Run = Schemas["Run"];
export type RunSummary = Schemas["RunSummary"];
export type RunStatus = Schemas["RunStatus"];
export type RunEvent = Schemas["RunEvent"];
export type LogLevel = Schemas["LogLevel"];
export type RunLog = Schemas["RunLog"];
export type Stage = Schemas["StageReport"];
export type Point = Schemas["Point"];
export type PointMark = Schemas["PointMark"];
export type PinState = Schemas["PinState"];
export type DeletionPreview = Schemas["DeletionPreview"];
export type DeletePointsResult = Schemas["DeletePointsResult"];
export type Comparison = Schemas["Comparison"];
export type ComparisonRequest = Schemas["ComparisonRequest"];
export type ComparedEntry = Schemas["ComparedEntry"];
export type ChangeTotals = Schemas["ChangeTotals"];
export type EntryState = Schemas["EntryState"];
export type PathFound = Schemas["PathFound"];
export type ContentEntry = Schemas["ContentEntry"];
export type ContentListing = Schemas["ContentListing"];
export type SearchResult = Schemas["SearchResult"];
export type SearchHit = Schemas["SearchHit"];
export type FileVersion = Schemas["FileVersion"];
export type VaultSearch = Schemas["VaultSearch"];
export type VaultNotSearched = Schemas["VaultNotSearched"];
export type Download = Schemas["Download"];
export type DownloadCreate = Schemas["DownloadCreate"];
export type Overwrite = Schemas["Overwrite"];
export type RestoreCreate = Schemas["RestoreCreate"];

/** One page of a list. */
export interface Page<T> {
	items: T[];
	next_cursor?: string | null;
	count: number;
	count_capped: boolean;
}

/** A question to an agent, with its answer once it is completed. */
export interface Command<T> {
	id: string;
	type: string;
	status: Schemas["CommandStatus"];
	agent: AgentReference;
	result?: T | null;
	failure?: Failure | null;
}
