using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>One part of where a resource stands in a list: a number or a text.</summary>
/// <param name="Number">The number; 0 for a text.</param>
/// <param name="Text">The text; null for a number.</param>
internal readonly record struct SortValue(long Number, string? Text) : IComparable<SortValue>
{
    /// <summary>Texts are told apart by so many characters; what is equal so far comes by name. Keeps page tokens short.</summary>
    public const int MaxTextLength = 128;

    public static implicit operator SortValue(long number) => new(number, null);

    public static implicit operator SortValue(string text) => new(0, text);

    /// <summary>Whether a field can be sorted by: one value, or a time.</summary>
    public static bool IsSortable(FieldDescriptor field) => !field.IsRepeated && field.FieldType switch
    {
        FieldType.Bytes or FieldType.Group => false,
        FieldType.Message => field.MessageType.FullName == Timestamp.Descriptor.FullName || field.MessageType.FullName == Duration.Descriptor.FullName,
        _ => true,
    };

    /// <summary>The value of a sortable field; what is not set comes first, as false and 0 do.</summary>
    public static SortValue Of(FieldDescriptor field, object? value) => value switch
    {
        null when field.FieldType == FieldType.String => "",
        null => field.FieldType == FieldType.Message ? long.MinValue : 0,
        string text => Head(text),
        bool truth => truth ? 1 : 0,
        Timestamp time => Ticks(time.Seconds, time.Nanos),
        Duration span => Ticks(span.Seconds, span.Nanos),
        float number => Ordered(number),
        double number => Ordered(number),
        ulong number => (long)Math.Min(number, long.MaxValue),
        uint number => number,
        long number => number,
        int number => number,
        // What is left is an enumeration, whose type only its message knows.
        _ => Convert.ToInt32(value, System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <inheritdoc/>
    public int CompareTo(SortValue other) => Text is null ? Number.CompareTo(other.Number) : string.CompareOrdinal(Text, other.Text);

    // Half a character beyond the Basic Multilingual Plane would not come back from a token.
    private static string Head(string text) =>
        text.Length <= MaxTextLength ? text : text[..(char.IsHighSurrogate(text[MaxTextLength - 1]) ? MaxTextLength - 1 : MaxTextLength)];

    // An agent's times are what it says, so they may be beyond every bound.
    private static long Ticks(long seconds, int nanos) =>
        (long)Int128.Clamp(((Int128)seconds * TimeSpan.TicksPerSecond) + (nanos / TimeSpan.NanosecondsPerTick), long.MinValue + 1, long.MaxValue);

    // The bits of a double are in order but for the negative ones, which are the other way round.
    private static long Ordered(double number)
    {
        var bits = BitConverter.DoubleToInt64Bits(number == 0 ? 0 : number);
        return bits >= 0 ? bits : long.MinValue - bits;
    }
}
