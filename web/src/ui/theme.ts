import {
	type ButtonProps,
	type CheckboxProps,
	type CSSVariablesResolver,
	createTheme,
	defaultVariantColorsResolver,
	type InputProps,
	type MantineColorsTuple,
	type ModalProps,
	type RadioProps,
	type SegmentedControlProps,
	type SwitchProps,
	type VariantColorsResolver,
} from "@mantine/core";
import control from "./control.module.css";

const accent: MantineColorsTuple = [
	"#EDF4FB",
	"#D8E8F7",
	"#B2D1EE",
	"#86B7E3",
	"#4F95D0",
	"#2A7ABD",
	"#0F66AC",
	"#0260A6",
	"#0A4F87",
	"#0C3F6B",
];

/** The greys that Mantine's components read directly, as our tokens. */
const dark: MantineColorsTuple = [
	"var(--text)",
	"var(--text-2)",
	"var(--text-3)",
	"var(--control)",
	"var(--line-2)",
	"var(--line)",
	"var(--raised)",
	"var(--bg)",
	"var(--sunken)",
	"var(--on-accent)",
];
const gray: MantineColorsTuple = [
	"var(--sunken)",
	"var(--hover)",
	"var(--press)",
	"var(--line)",
	"var(--line-2)",
	"var(--control)",
	"var(--text-3)",
	"var(--text-2)",
	"var(--text)",
	"var(--text)",
];

const variantColorResolver: VariantColorsResolver = (input) => {
	if (input.variant === "filled" && (input.color === undefined || input.color === "accent")) {
		return {
			background: "var(--accent)",
			hover: "var(--accent-hover)",
			color: "var(--on-accent)",
			border: "1px solid transparent",
		};
	}
	if (input.variant === "danger") {
		return { background: "var(--bad)", hover: "var(--bad)", color: "var(--bg)", border: "1px solid transparent" };
	}
	if (input.variant === "danger-outline") {
		return {
			background: "transparent",
			hover: "var(--bad-soft)",
			color: "var(--bad)",
			border: "1px solid var(--line-2)",
		};
	}
	if (input.variant === "subtle") {
		return {
			background: "transparent",
			hover: "var(--hover)",
			color: "var(--text-2)",
			border: "1px solid transparent",
		};
	}
	return defaultVariantColorsResolver(input);
};

/** Redirects Mantine's variables to the tokens: a style sheet alone loses against the provider's own style element. */
export const cssVariablesResolver: CSSVariablesResolver = () => {
	const mapped = {
		"--mantine-color-body": "var(--bg)",
		"--mantine-color-text": "var(--text)",
		"--mantine-color-dimmed": "var(--text-3)",
		"--mantine-color-bright": "var(--text)",
		"--mantine-color-placeholder": "var(--text-3)",
		"--mantine-color-anchor": "var(--accent-text)",
		"--mantine-color-error": "var(--bad)",
		"--mantine-color-default": "var(--raised)",
		"--mantine-color-default-hover": "var(--hover)",
		"--mantine-color-default-color": "var(--text)",
		"--mantine-color-default-border": "var(--line-2)",
		"--mantine-color-accent-filled": "var(--accent)",
		"--mantine-color-accent-filled-hover": "var(--accent-hover)",
		"--mantine-primary-color-filled": "var(--accent)",
		"--mantine-primary-color-filled-hover": "var(--accent-hover)",
		"--mantine-primary-color-contrast": "var(--on-accent)",
		"--mantine-color-disabled": "var(--press)",
		"--mantine-color-disabled-color": "var(--text-3)",
		"--mantine-color-disabled-border": "var(--line-2)",
	};
	return { variables: {}, light: mapped, dark: mapped };
};

// Types only: naming a component here would put it into the first load.
export const theme = createTheme({
	primaryColor: "accent",
	primaryShade: { light: 6, dark: 4 },
	colors: { accent, dark, gray },
	fontFamily: "var(--font)",
	fontFamilyMonospace: "var(--font-mono)",
	fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "0.9375rem", xl: "1.25rem" },
	lineHeights: { xs: "1rem", sm: "1.25rem", md: "1.25rem", lg: "1.375rem", xl: "1.75rem" },
	radius: { xs: "4px", sm: "6px", md: "8px", lg: "12px", xl: "12px" },
	defaultRadius: "sm",
	respectReducedMotion: true,
	variantColorResolver,
	components: {
		Button: {
			defaultProps: { size: "sm", variant: "default" } satisfies Partial<ButtonProps>,
			classNames: { root: control["button"] },
			vars: (_theme: unknown, props: ButtonProps) => ({
				root:
					(props.size ?? "sm") === "sm"
						? { "--button-height": "2rem", "--button-padding-x": "0.75rem" }
						: { "--button-height": "1.625rem", "--button-padding-x": "0.5rem", "--button-fz": "0.75rem" },
			}),
		},
		Input: {
			defaultProps: { size: "sm" } satisfies Partial<InputProps>,
			classNames: { input: control["input"] },
			vars: (_theme: unknown, props: InputProps) => ({
				wrapper: (props.size ?? "sm") === "sm" ? { "--input-height": "2rem" } : {},
			}),
		},
		InputWrapper: {
			classNames: { label: control["label"], description: control["description"], error: control["error"] },
		},
		Checkbox: {
			defaultProps: { size: "xs" } satisfies Partial<CheckboxProps>,
			classNames: { input: control["tick"], label: control["choice"] },
		},
		Radio: {
			defaultProps: { size: "xs" } satisfies Partial<RadioProps>,
			classNames: { radio: control["tick"], label: control["choice"] },
		},
		Switch: {
			defaultProps: { size: "sm", withThumbIndicator: false } satisfies Partial<SwitchProps>,
			classNames: { track: control["track"] },
		},
		SegmentedControl: {
			defaultProps: { size: "xs", role: "radiogroup" } satisfies Partial<SegmentedControlProps>,
			classNames: { root: control["segments"] },
		},
		Modal: {
			defaultProps: { radius: 12, centered: true, transitionProps: { duration: 180 } } satisfies Partial<ModalProps>,
			classNames: {
				content: control["dialog"],
				header: control["dialogHeader"],
				title: control["dialogTitle"],
				overlay: control["scrim"],
			},
		},
	},
});
