using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Qm.Fleet.Cli.Output;

/// <summary>JSON as YAML that reads back as the same.</summary>
/// <remarks>Written event by event: YamlDotNet's serializers need reflection, which a native program does not have.</remarks>
internal static class YamlText
{
    // What YAML 1.1 and 1.2 would read as something else than text.
    private static readonly string[] Words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", ".nan", ".inf", "-.inf", "+.inf", "<<", "="];

    internal static string Of(JsonNode node)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings().WithIndentedSequences().WithNewLine("\n").WithBestWidth(int.MaxValue));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Emit(emitter, node);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString().TrimEnd('\n');
    }

    private static void Emit(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, map.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (key, value) in map)
                {
                    emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, key, IsText(key) && !key.Contains('\n', StringComparison.Ordinal) ? ScalarStyle.Any : ScalarStyle.DoubleQuoted, isPlainImplicit: true, isQuotedImplicit: true));
                    Emit(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, list.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in list)
                {
                    Emit(emitter, item);
                }

                emitter.Emit(new SequenceEnd());
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                Emit(emitter, value.GetValue<string>());
                break;
            default:
                emitter.Emit(new Scalar(node?.ToString() ?? "null"));
                break;
        }
    }

    private static void Emit(Emitter emitter, string text) => emitter.Emit(new Scalar(
        AnchorName.Empty, TagName.Empty, text,
        !IsText(text) ? ScalarStyle.DoubleQuoted : text.Contains('\n', StringComparison.Ordinal) ? ScalarStyle.Literal : ScalarStyle.Any, isPlainImplicit: true, isQuotedImplicit: true));

    // Several lines stand as they are when every reader takes them so: the last one ended, none begins or ends with a blank.
    private static bool IsText(string text) =>
        text.Length > 0 && !Words.Contains(text, StringComparer.OrdinalIgnoreCase) && !IsNumber(text) && !text.Any(letter => (char.IsControl(letter) && letter != '\n') || letter is '\u2028' or '\u2029' || char.GetUnicodeCategory(letter) == UnicodeCategory.Format)
        && !text.Contains(" *", StringComparison.Ordinal) // YamlDotNet takes a key with a star after a blank for an alias.
        && (!text.Contains('\n', StringComparison.Ordinal) || (text.EndsWith('\n') && text.TrimEnd('\n').Split('\n').All(line => line.Length > 0 && line == line.Trim())));

    // Also octal, hexadecimal and what YAML 1.1 takes for a number or a time.
    private static bool IsNumber(string text) =>
        text[0] is '-' or '+' or '.' or (>= '0' and <= '9')
        && (text.All(letter => char.IsAsciiDigit(letter) || letter is '-' or '+' or '.' or '_' or ':' or 'T' or 'Z') || text.StartsWith("0x", StringComparison.Ordinal)
            || text.StartsWith("0o", StringComparison.Ordinal) || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
}
