// Makes the committed Inter subsets from the `inter-ui` package. Run by hand when the package changes:
// `node scripts/subset-inter.mjs`. The stock subsets of font services lack cv05 and cv11.
import { readFileSync, writeFileSync } from "node:fs";
import subsetFont from "subset-font";

const source = readFileSync("node_modules/inter-ui/variable/InterVariable.woff2");

function characters(ranges) {
	let text = "";
	for (const [first, last] of ranges) {
		for (let code = first; code <= last; code += 1) text += String.fromCodePoint(code);
	}
	return text;
}

const subsets = {
	latin: [
		[0x20, 0x7e],
		[0xa0, 0xff],
		[0x131, 0x131],
		[0x152, 0x153],
		[0x2c6, 0x2c6],
		[0x2da, 0x2da],
		[0x2dc, 0x2dc],
		[0x2010, 0x2015],
		[0x2018, 0x201e],
		[0x2020, 0x2022],
		[0x2026, 0x2026],
		[0x202f, 0x202f],
		[0x2030, 0x2030],
		[0x2039, 0x203a],
		[0x20ac, 0x20ac],
		[0x2122, 0x2122],
		[0x2190, 0x2193],
		[0x2212, 0x2212],
		[0x2248, 0x2248],
		[0x2264, 0x2265],
	],
	"latin-ext": [
		[0x100, 0x130],
		[0x132, 0x151],
		[0x154, 0x24f],
		[0x1e00, 0x1eff],
	],
};

for (const [name, ranges] of Object.entries(subsets)) {
	const font = await subsetFont(source, characters(ranges), {
		targetFormat: "woff2",
		variationAxes: { opsz: 14, wght: { min: 400, max: 600 } },
		keepFeatures: ["kern", "mark", "mkmk", "ccmp", "locl", "calt", "tnum", "cv05", "cv11"],
	});
	writeFileSync(`src/fonts/inter-${name}.woff2`, font);
	console.log(name, font.length);
}
