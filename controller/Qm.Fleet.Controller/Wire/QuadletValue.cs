using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Wire;

/// <summary>Values of a quadlet as people write them in YAML or JSON, made the text that systemd reads.</summary>
internal static class QuadletValue
{
    /// <summary>The texts of a key: one, or those of a list.</summary>
    /// <param name="path">Where the value stands.</param>
    /// <param name="value">A string, number or boolean, or a list of those.</param>
    /// <param name="problems">Gets what is neither.</param>
    public static IReadOnlyList<string> Texts(string path, Value value, List<Problem> problems)
    {
        var texts = new List<string>();
        foreach (var item in value.KindCase is Value.KindOneofCase.ListValue ? value.ListValue.Values : [value])
        {
            if (Text(item) is { } text)
            {
                texts.Add(text);
            }
            else
            {
                problems.Add(new Problem(path, "expected a text, a number, true or false, or a list of those"));
            }
        }
        return texts;
    }

    /// <summary>The text of a single value; null when it has none. Whole numbers are written without a fraction or an exponent.</summary>
    private static string? Text(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => value.StringValue,
        Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        Value.KindOneofCase.NumberValue when double.IsInteger(value.NumberValue) => value.NumberValue.ToString("F0", CultureInfo.InvariantCulture),
        Value.KindOneofCase.NumberValue when double.IsFinite(value.NumberValue) => value.NumberValue.ToString("R", CultureInfo.InvariantCulture),
        _ => null,
    };
}
