package grouping

import "testing"

func TestCleanFunction(t *testing.T) {
	tests := map[string]map[string]string{
		"javascript": {
			"Cart.load": "load", "async Cart.load": "load", "new Cart": "Cart", "Object.bar [as foo]": "bar", "bound load": "load", "get total": "total",
			"?": "", "<anonymous>": "", "Object.<anonymous>": "", "anonymous": "", "HTMLButtonElement.onclick": "onclick",
			"Cart.prototype.open/<": "open", "open/this.load": "load", "open/</<": "open", "global code": "", "eval code": "", "#secret": "#secret",
			"promise callback*open": "open", "async*main": "main", "load": "load",
		},
		"go": {
			"(*Store).Load.func1.2": "(*Store).Load.func", "main.func1": "main.func", "Map[...]": "Map", "(*T).run-fm": "(*T).run", "run.gowrap1": "run.gowrap", "Load": "Load",
		},
		"ruby": {
			"block (2 levels) in load": "load", "rescue in load": "load", "Shop::Cart#load": "load", "Shop::Cart.open": "open", "block in Shop::Cart#each": "each",
			"<main>": "<main>", "<class:Cart>": "<class:Cart>", "_app_views_carts_show_html_erb___2438573212345678_70210": "_app_views_carts_show_html_erb",
			"Integer#/": "/", "load": "load",
		},
		"java": {
			"lambda$load$0": "load", "load$default": "load", "load$lambda-3": "load", "$anonfun$load$1": "load", "access$000": "access", "<init>": "<init>", "load": "load",
		},
		"csharp": {
			"<Load>d__12.MoveNext": "Load", "<Load>b__0": "Load", "<Load>g__Local|0_0": "Local", "Map`1": "Map", "Load[T]": "Load", "async Task<int> Load(string name)": "Load", ".ctor": ".ctor",
		},
		"php": {
			`Acme\Cart::load`: `Acme\Cart::load`, `Acme\{closure:Acme\Cart::load():12}`: `Acme\{closure}`, `Acme\{closure}`: `Acme\{closure}`,
			"class@anonymous\x00/srv/a.php:12$0::run": "class@anonymous::run", "__TwigTemplate_0751007cd28df267e8e051b51f918c60::doDisplay": "__TwigTemplate_<hex>::doDisplay",
		},
		"native": {
			"shop::load::h0123456789abcdef": "shop::load", "shop::Cart<int>::load(char const*)": "shop::Cart<T>::load", "void shop::load<int>(int)": "shop::load<T>",
			"load.cold.1": "load", "load.isra.0": "load", "-[Cart load:]": "-[Cart load:]", "__40-[Cart load]_block_invoke_2": "-[Cart load]", "closure #1 in Cart.load()": "Cart.load",
			"stripped_application_code": "", "<actix::Pipe<T, U> as Poll>::poll": "<actix::Pipe<T> as Poll>::poll", "Cart::operator()(int)": "Cart::operator()(int)",
			"(anonymous namespace)::load()": "::load",
		},
		"elixir": {"anonymous fn/2 in Shop.Cart.add/1": "Shop.Cart.add/1"},
		"python": {"load": "load", "<lambda>": "<lambda>", "<module>": "<module>", "handler_0x7f3a2b": "handler_<hex>"},
	}
	for platform, cases := range tests {
		for in, want := range cases {
			if got := cleanFunction(in, platform); got != want {
				t.Errorf("cleanFunction(%q, %q) = %q, want %q", in, platform, got, want)
			}
		}
	}
}

func TestCleanType(t *testing.T) {
	tests := map[string]string{
		"ValueError": "ValueError", "Shop.Failure`1[System.Int32]": "Shop.Failure", "*shop.Failure[int]": "*shop.Failure", "Failure<T>": "Failure",
		"Failure@anonymous\x00/srv/a.php:3$0": "Failure@anonymous", "*errors.errorString": "*errors.errorString", "Box<dyn Error>": "Box<dyn Error>",
		"0x40000015 / 0x00000001": "<hex> / <hex>",
	}
	for in, want := range tests {
		if got := cleanType(in); got != want {
			t.Errorf("cleanType(%q) = %q, want %q", in, got, want)
		}
	}
}
