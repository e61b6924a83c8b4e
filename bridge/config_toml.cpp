//  config_toml - walks toml++'s tree once and copies what it finds into plain C values.
//
//  Owns the list it returns; runs in main's thread. Must never let an exception out into C.

#include "config_toml.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace
{

constexpr size_t MAX_FILE_BYTES = 1024 * 1024;

//  The C list, with what its pointers point to. A deque never moves its elements.
struct document_t : toml_items_t {
    std::vector<toml_item_t> all;
    std::deque<std::string> strings;
    std::deque<std::vector<const char *>> lists;
};

const char *s_keep (document_t &document, std::string_view text)
{
    return document.strings.emplace_back (text).c_str ();
}

const char *s_type_in_words (const toml::node &node)
{
    switch (node.type ()) {
    case toml::node_type::table:
        return "a table";
    case toml::node_type::array:
        return node.is_array_of_tables () ? "an array of tables" : "a list";
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
        return "an integer";
    case toml::node_type::floating_point:
        return "a float";
    case toml::node_type::boolean:
        return "a boolean";
    default:
        return "a date or time";
    }
}

//  A C string cannot hold a zero byte, and no key of ours has a use for one.
bool s_has_zero_byte (const toml::node &node)
{
    const auto *text = node.as_string ();
    return text && text->get ().find ('\0') != std::string::npos;
}

bool s_is_list_of_texts (const toml::array &array)
{
    return std::all_of (array.begin (), array.end (),
        [] (const toml::node &node) { return node.is_string () && !s_has_zero_byte (node); });
}

void s_take_texts (document_t &document, toml_item_t &item, const std::vector<const char *> &texts)
{
    const auto &kept = document.lists.emplace_back (texts);
    item.texts = kept.data ();
    item.count = kept.size ();
}

void s_add_value (document_t &document, const char *section, size_t which, std::string_view key, const toml::node &node)
{
    toml_item_t item{};
    item.section = section;
    item.which = which;
    item.key = s_keep (document, key);
    item.line = node.source ().begin.line;
    item.what = s_type_in_words (node);
    item.kind = TOML_OTHER;
    if (s_has_zero_byte (node)) {
        item.what = "a string with a zero byte";
    } else if (const auto *text = node.as_string ()) {
        item.kind = TOML_TEXT;
        s_take_texts (document, item, {s_keep (document, text->get ())});
    } else if (const auto *integer = node.as_integer ()) {
        item.kind = TOML_INTEGER;
        item.integer = integer->get ();
    } else if (const auto *flag = node.as_boolean ()) {
        item.kind = TOML_FLAG;
        item.integer = flag->get ();
    } else if (const auto *array = node.as_array (); array && s_is_list_of_texts (*array)) {
        item.kind = TOML_LIST;
        std::vector<const char *> texts;
        for (const auto &element : *array) {
            texts.push_back (s_keep (document, element.as_string ()->get ()));
        }
        s_take_texts (document, item, texts);
    }
    document.all.push_back (item);
}

void s_add_section (document_t &document, std::string_view name, size_t which, const toml::table &table)
{
    toml_item_t item{};
    item.section = s_keep (document, name);
    item.which = which;
    item.key = "";
    item.line = table.source ().begin.line;
    item.kind = TOML_SECTION;
    item.what = which ? "an array of tables" : "a table";
    document.all.push_back (item);
    for (const auto &[key, node] : table) {
        s_add_value (document, item.section, which, key.str (), node);
    }
}

std::unique_ptr<document_t> s_flatten (const toml::table &root)
{
    auto document = std::make_unique<document_t> ();
    for (const auto &[key, node] : root) {
        if (const auto *table = node.as_table ()) {
            s_add_section (*document, key.str (), 0, *table);
        } else if (node.is_array_of_tables ()) {
            size_t which = 0;
            for (const auto &element : *node.as_array ()) {
                s_add_section (*document, key.str (), ++which, *element.as_table ());
            }
        } else {
            s_add_value (*document, "", 0, key.str (), node);
        }
    }
    //  toml++ sorts by key; a reader fixes a file from the top.
    std::stable_sort (document->all.begin (), document->all.end (),
        [] (const toml_item_t &a, const toml_item_t &b) { return a.line < b.line; });
    document->items = document->all.data ();
    document->count = document->all.size ();
    return document;
}

//  Returns false with errno set; EFBIG when the file is larger than a configuration can be.
bool s_read_file (const char *path, std::string &text)
{
    std::unique_ptr<FILE, int (*) (FILE *)> file (fopen (path, "re"), fclose);
    if (!file) {
        return false;
    }
    char piece[16384];
    for (size_t size = 1; size > 0 && text.size () <= MAX_FILE_BYTES; text.append (piece, size)) {
        size = fread (piece, 1, sizeof piece, file.get ());
    }
    if (text.size () > MAX_FILE_BYTES) {
        errno = EFBIG;
        return false;
    }
    return !ferror (file.get ());
}

}  // namespace

toml_items_t *config_toml_new (const char *path, char *error, size_t error_size)
{
    try {
        std::string text;
        if (!s_read_file (path, text)) {
            snprintf (error, error_size, "%s: %s", path, strerror (errno));
            return nullptr;
        }
        return s_flatten (toml::parse (text)).release ();
    } catch (const toml::parse_error &e) {
        auto what = std::string (e.description ());
        snprintf (error, error_size, "%s:%u: %s", path, unsigned (e.source ().begin.line), what.c_str ());
    } catch (const std::exception &e) {
        snprintf (error, error_size, "%s: %s", path, e.what ());
    }
    return nullptr;
}

void config_toml_destroy (toml_items_t **self_p)
{
    delete static_cast<document_t *> (*self_p);
    *self_p = nullptr;
}
