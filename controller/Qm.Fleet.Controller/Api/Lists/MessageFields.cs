using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>Finds fields of a message by their paths, each name as the protos have it (<c>desired_revision</c>) or as JSON has it (<c>desiredRevision</c>).</summary>
internal static class MessageFields
{
    private const int MaxTold = 100;
    private const int MaxDepth = 8;

    /// <summary>The field of a name; null when there is none.</summary>
    public static FieldDescriptor? Find(MessageDescriptor type, string name) =>
        type.FindFieldByName(name) ?? type.Fields.InFieldNumberOrder().FirstOrDefault(field => field.JsonName == name);

    /// <summary>Whether a field is one message of ours, so that a path may lead on through it.</summary>
    public static bool LeadsOn(FieldDescriptor field) => IsMessage(field) && !field.IsRepeated;

    /// <summary>Whether a field holds messages of ours; a time or a free structure counts as one value.</summary>
    public static bool IsMessage(FieldDescriptor field) =>
        field is { IsMap: false, FieldType: FieldType.Message } && !field.MessageType.File.Package.StartsWith("google.", StringComparison.Ordinal);

    /// <summary>The fields on the way of a path to one value.</summary>
    /// <param name="type">What the path begins in.</param>
    /// <param name="path">The path.</param>
    /// <param name="isValue">Which fields can be at its end.</param>
    /// <param name="purpose">What for, such as "selected by".</param>
    /// <param name="problem">Why there is none, with the paths there are; null when there is.</param>
    public static ImmutableArray<FieldDescriptor> Follow(
        MessageDescriptor type, string path, Func<FieldDescriptor, bool> isValue, string purpose, out string? problem)
    {
        var way = ImmutableArray.CreateBuilder<FieldDescriptor>();
        var inside = type;
        var names = path.Split('.');
        for (var at = 0; at < names.Length; at++)
        {
            var field = Find(inside, names[at]);
            var isLast = at == names.Length - 1;
            if (field is null || (isLast ? !isValue(field) : !LeadsOn(field)))
            {
                // What is told begins where the path went wrong; a message that a path stopped at tells what is in it.
                var begin = field is not null && LeadsOn(field) ? (field.MessageType, Name(way) + field.Name + ".") : (inside, Name(way));
                problem = $"{path} {(field is null ? "does not exist" : $"cannot be {purpose}")}; {Tell(begin.Item1, begin.Item2, isValue)}";
                return [];
            }

            way.Add(field);
            inside = isLast ? inside : field.MessageType;
        }

        problem = null;
        return way.DrainToImmutable();
    }

    /// <summary>The value at the end of a way; the field's default where the way breaks off.</summary>
    /// <returns>Null for a message that is not set.</returns>
    public static object? Read(IMessage message, ImmutableArray<FieldDescriptor> way)
    {
        for (var at = 0; at < way.Length - 1; at++)
        {
            if (way[at].Accessor.GetValue(message) is not IMessage inner)
            {
                return null;
            }

            message = inner;
        }

        return way[^1].Accessor.GetValue(message);
    }

    private static string Tell(MessageDescriptor type, string prefix, Func<FieldDescriptor, bool> isValue)
    {
        var known = Paths(type, prefix, isValue, 0).Take(MaxTold + 1).ToList();
        return known.Count == 0 ? "there is nothing in it that can"
            : $"known are {string.Join(", ", known.Take(MaxTold))}{(known.Count > MaxTold ? " and more" : "")}";
    }

    private static IEnumerable<string> Paths(MessageDescriptor type, string prefix, Func<FieldDescriptor, bool> isValue, int depth)
    {
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            if (isValue(field))
            {
                yield return prefix + field.Name;
            }
            else if (depth < MaxDepth && LeadsOn(field))
            {
                foreach (var path in Paths(field.MessageType, $"{prefix}{field.Name}.", isValue, depth + 1))
                {
                    yield return path;
                }
            }
        }
    }

    private static string Name(IEnumerable<FieldDescriptor> way) => string.Concat(way.Select(static field => field.Name + "."));
}
