#include "cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/address_argument.h"
#include "cli/client_commands.h"
#include "cli/completion.h"

namespace holdfast::cli {
namespace {

using ::testing::HasSubstr;

TEST(Table, AlignsByWhatIsSeenAndLeavesEmptyColumnsOut) {
  Table table({"NAME", ">COUNT", "EMPTY", "LAST"});
  table.add({"ü", "1", "", "x"});
  table.add({"longer", "1000", "", ""});
  EXPECT_EQ(table.render(), "NAME    COUNT  LAST\nü           1  x\nlonger   1000\n");
}

TEST(Table, CellsStayOnOneLineAndAreCut) {
  EXPECT_EQ(one_line("a\nb\x1b[31m", 100), "a b [31m");
  EXPECT_EQ(one_line("äöüß", 3), "äö…");
  EXPECT_EQ(one_line("äöü", 3), "äöü");
}

TEST(OneLine, NothingOfItMakesATerminalDoAnything) {
  EXPECT_EQ(one_line("a\x1b[2Jb\x7f", 100), "a [2Jb ");
  EXPECT_EQ(one_line("\xc2\x9b" "31m\xc2\xa0x", 100), " 31m\xc2\xa0x") << "C1: the one-character form of ESC [";
  EXPECT_EQ(one_line("\x9b\xff\xe4\xb8 x", 100), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd x");
  EXPECT_EQ(lines("one\n\x1btwo"), "one\n two");
}

TEST(Table, TheLastColumnHasRoomForAReason) {
  Table table({"ADDRESS", "REASON"});
  table.add({std::string(101, 'a'), std::string(1000, 'r')});
  EXPECT_EQ(table.render(), "ADDRESS" + std::string(95, ' ') + "REASON\n" + std::string(99, 'a') + "…  " + std::string(1000, 'r') + "\n");
}

TEST(AddressArgument, TakesTheTypeUpToTheSecondSlashOrBetweenColons) {
  EXPECT_EQ(parse_address_argument("shop/cart/al").value(), (model::Address{"shop/cart", "al"}));
  EXPECT_EQ(parse_address_argument("shop/cart/a/b c").value(), (model::Address{"shop/cart", "a/b c"}));
  EXPECT_EQ(parse_address_argument("shop/cart/a::b").value(), (model::Address{"shop/cart", "a::b"}));
  EXPECT_EQ(parse_address_argument("shop/cart/::").value(), (model::Address{"shop/cart", "::"}));
  EXPECT_EQ(parse_address_argument("shop/a::b/c").value(), (model::Address{"shop/a::b", "c"}));
  EXPECT_EQ(parse_address_argument("shop/cart/").value(), (model::Address{"shop/cart", ""}));
  EXPECT_EQ(parse_address_argument("shop/cart//").value(), (model::Address{"shop/cart", "/"}));
  EXPECT_EQ(parse_address_argument("::org/shop/cart::a/b").value(), (model::Address{"org/shop/cart", "a/b"}));
  EXPECT_EQ(parse_address_argument("::org/shop/cart::a::b").value(), (model::Address{"org/shop/cart", "a::b"}));
  EXPECT_EQ(parse_address_argument("::org/shop/cart::").value(), (model::Address{"org/shop/cart", ""}));
  EXPECT_EQ(parse_address_argument("::shop/cart::x").value(), (model::Address{"shop/cart", "x"}));
  for (const char* wrong : {"", "/", "//", "shop", "shop/cart", "/cart/x", "shop//x", "shop::x", "shop/cart::x", "::", "::::", "::x", "::shop/cart",
                            "::shop::x", "::shop/::x"}) {
    EXPECT_FALSE(parse_address_argument(wrong).has_value()) << wrong;
  }
}

TEST(AddressArgument, ShownAddressesAreTakenBack) {
  for (const model::Address& address : {model::Address{"shop/cart", "al"}, {"shop/cart", "a/b"}, {"shop/cart", ""}, {"org/shop/cart", "x"}, {"org/shop/cart", ""},
                                        {"org/shop/cart", "::"}, {"shop/cart", "a::b"}, {"shop/cart", "::"}, {"shop/cart", ":"}, {"shop/a::b", "c"}, {"shop/cart", "ü %"}}) {
    EXPECT_EQ(parse_address_argument(show_address(address.type, address.id)).value(), address);
  }
  EXPECT_EQ(address_path({"org/shop/cart", "a/b ü"}), "/org%2Fshop/cart/a%2Fb%20%C3%BC");
}

TEST(TypeArgument, ShortNamesStandForStandardTypes) {
  EXPECT_EQ(full_type_name(""), "io.statefun.types/string");
  EXPECT_EQ(full_type_name("int"), "io.statefun.types/int");
  EXPECT_EQ(full_type_name("json"), "holdfast.types/json");
  EXPECT_EQ(full_type_name("my/type"), "my/type");
}

TEST(Duration, NeedsAUnit) {
  EXPECT_EQ(parse_duration("10s")->ms, 10'000);
  EXPECT_EQ(parse_duration("2m")->ms, 120'000);
  EXPECT_FALSE(parse_duration("10").has_value());
  EXPECT_FALSE(parse_duration("-1s").has_value());
}

TEST(Completion, ListsCommandsInEveryShell) {
  const std::vector<CompletionEntry> entries{{"", {"state"}, {"it's here"}}, {"state", {"get"}, {"one: it"}}, {"state get", {"--json"}, {"JSON"}}};
  EXPECT_THAT(completion_script("bash", entries), HasSubstr("'state get') candidates='--json'"));
  EXPECT_THAT(completion_script("zsh", entries), HasSubstr("'get:one\\: it'"));
  EXPECT_THAT(completion_script("fish", entries), HasSubstr("-a 'state' -d 'it'\\''s here'"));
  EXPECT_EQ(completion_script("tcsh", entries), "");
}

}  // namespace
}  // namespace holdfast::cli
