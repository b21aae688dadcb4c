using System.Collections.Immutable;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>A field selector that was held against the fields there are: whether a message is selected.</summary>
/// <remarks>Fields with one value can be selected by: texts, numbers, true or false, and names of enumerations in any case. A value that is not set is its default.</remarks>
internal sealed class FieldFilter
{
    private readonly ImmutableArray<Condition> _conditions;

    private FieldFilter(ImmutableArray<Condition> conditions) => _conditions = conditions;

    /// <summary>Selects everything.</summary>
    public static FieldFilter Everything { get; } = new([]);

    /// <summary>Whether it selects everything.</summary>
    public bool IsEverything => _conditions.IsEmpty;

    /// <summary>Reads the field selector of a request.</summary>
    /// <param name="type">What is selected.</param>
    /// <param name="text">The selector.</param>
    /// <param name="problems">Gets everything that is wrong, under <c>field_selector</c>.</param>
    /// <returns>What was read; it does not count when there are problems.</returns>
    public static FieldFilter Read(MessageDescriptor type, string text, ICollection<Problem> problems)
    {
        if (!FieldSelector.TryParse(text, out var selector, out var wrong))
        {
            foreach (var problem in wrong)
            {
                problems.Add(new("field_selector", problem));
            }

            return Everything;
        }

        var conditions = ImmutableArray.CreateBuilder<Condition>();
        foreach (var requirement in selector.Requirements)
        {
            var way = MessageFields.Follow(type, requirement.Path, IsValue, "selected by", out var problem);
            object? value = null;
            if (problem is null && !TryRead(way[^1], requirement.Value, out value))
            {
                problem = $"{requirement.Path}: \"{requirement.Value}\" is not {Expected(way[^1])}";
            }

            if (problem is not null)
            {
                problems.Add(new("field_selector", $"at character {requirement.Position}: {problem}"));
                continue;
            }

            conditions.Add(new(way, value!, requirement.IsEqual));
        }

        return new(conditions.DrainToImmutable());
    }

    /// <summary>Whether a message meets every condition.</summary>
    public bool Matches(IMessage message)
    {
        foreach (var (way, value, isEqual) in _conditions)
        {
            if (value.Equals(Normal(way[^1], MessageFields.Read(message, way))) != isEqual)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>In one way for the same conditions in the same order, whatever names and signs they were written with.</summary>
    public override string ToString() => string.Join(',', _conditions.Select(static condition =>
        new FieldRequirement(
            string.Join('.', condition.Way.Select(static field => field.Name)), condition.IsEqual, string.Create(CultureInfo.InvariantCulture, $"{condition.Value}"), 1)));

    private static bool IsValue(FieldDescriptor field) =>
        !field.IsRepeated && field.FieldType is not (FieldType.Message or FieldType.Group or FieldType.Bytes);

    // Numbers of an enumeration or any width become one type, so that they can be compared.
    private static object Normal(FieldDescriptor field, object? value) => field.FieldType switch
    {
        FieldType.String => value ?? "",
        FieldType.Bool => value ?? false,
        FieldType.Double or FieldType.Float => Convert.ToDouble(value ?? 0d, CultureInfo.InvariantCulture),
        FieldType.Enum => Convert.ToInt32(value ?? 0, CultureInfo.InvariantCulture),
        _ => Convert.ToDecimal(value ?? 0m, CultureInfo.InvariantCulture),
    };

    private static bool TryRead(FieldDescriptor field, string text, out object? value)
    {
        value = field.FieldType switch
        {
            FieldType.String => text,
            FieldType.Bool => bool.TryParse(text, out var truth) ? truth : null,
            FieldType.Double or FieldType.Float => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null,
            FieldType.Enum => field.EnumType.Values.FirstOrDefault(known => known.Name.Equals(text, StringComparison.OrdinalIgnoreCase))?.Number,
            _ => decimal.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null,
        };
        return value is not null;
    }

    private static string Expected(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Bool => "true or false",
        FieldType.Enum => $"one of {string.Join(", ", field.EnumType.Values.Select(static value => value.Name))}",
        FieldType.Double or FieldType.Float => "a number",
        _ => "a whole number",
    };

    private sealed record Condition(ImmutableArray<FieldDescriptor> Way, object Value, bool IsEqual);
}
