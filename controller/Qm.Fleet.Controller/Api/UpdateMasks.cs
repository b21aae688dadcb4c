using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>Changes the fields of a message that a mask names, and no others.</summary>
internal static class UpdateMasks
{
    private const int MaxPaths = 100;
    private const string Field = "update_mask";

    // What people say; everything else of a resource is the controller's.
    private static readonly string[] Roots = ["metadata.labels", "spec"];

    /// <summary>Reads a mask; an empty one names every field that is set in what was sent.</summary>
    /// <param name="mask">The mask; null for none.</param>
    /// <param name="sent">The resource as it was sent.</param>
    /// <returns>The fields to change, each as the way to it.</returns>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every path that names no such field, and those there are.</exception>
    public static IReadOnlyList<IReadOnlyList<FieldDescriptor>> Read(FieldMask? mask, IMessage sent)
    {
        if (mask is null || mask.Paths.Count == 0)
        {
            return [.. SetIn(sent, []).Where(static way => IsChangeable(PathOf(way)))];
        }
        if (mask.Paths.Count > MaxPaths)
        {
            throw Failures.Invalid(Field, $"{mask.Paths.Count} paths; at most {MaxPaths} are read");
        }
        var (ways, problems) = (new List<IReadOnlyList<FieldDescriptor>>(), new List<Problem>());
        foreach (var path in mask.Paths)
        {
            if (Follow(sent.Descriptor, path, out var problem) is { } way)
            {
                ways.Add(way);
            }
            else
            {
                problems.Add(new(Field, problem));
            }
        }
        return problems.Count == 0 ? ways : throw Failures.Invalid(problems);
    }

    /// <summary>Brings fields from one message to another: a list or a map as a whole, a message that is not there is taken away.</summary>
    /// <param name="ways">The fields.</param>
    /// <param name="from">Has what is wanted.</param>
    /// <param name="to">Gets it.</param>
    public static void Apply(IReadOnlyList<IReadOnlyList<FieldDescriptor>> ways, IMessage from, IMessage to)
    {
        foreach (var way in ways)
        {
            Apply(way, 0, from, to);
        }
    }

    private static void Apply(IReadOnlyList<FieldDescriptor> way, int at, IMessage? from, IMessage to)
    {
        var accessor = way[at].Accessor;
        if (at < way.Count - 1)
        {
            var source = from is null ? null : accessor.GetValue(from) as IMessage;
            if (accessor.GetValue(to) is not IMessage target)
            {
                if (source is null)
                {
                    return;
                }
                accessor.SetValue(to, target = way[at].MessageType.Parser.ParseFrom(ByteString.Empty));
            }
            Apply(way, at + 1, source, target);
            return;
        }
        accessor.Clear(to);
        if (from is null)
        {
            return;
        }
        if (way[at].IsMap)
        {
            var (values, target) = ((System.Collections.IDictionary)accessor.GetValue(from), (System.Collections.IDictionary)accessor.GetValue(to));
            foreach (System.Collections.DictionaryEntry entry in values)
            {
                target.Add(entry.Key, entry.Value);
            }
        }
        else if (way[at].IsRepeated)
        {
            var target = (System.Collections.IList)accessor.GetValue(to);
            foreach (var item in (System.Collections.IEnumerable)accessor.GetValue(from))
            {
                target.Add(item);
            }
        }
        else if (IsSet(way[at], from))
        {
            accessor.SetValue(to, accessor.GetValue(from));
        }
    }

    private static List<FieldDescriptor>? Follow(MessageDescriptor type, string path, out string problem)
    {
        var (way, at, above) = (new List<FieldDescriptor>(), type, "");
        foreach (var name in path.Split('.'))
        {
            if (at is null)
            {
                problem = $"\"{path}\": {above} is changed as a whole, so nothing can be named below it";
                return null;
            }
            if ((at.FindFieldByName(name) ?? at.Fields.InDeclarationOrder().FirstOrDefault(field => field.JsonName == name)) is not { } field)
            {
                var known = at.Fields.InDeclarationOrder().Select(field => above.Length == 0 ? field.Name : $"{above}.{field.Name}").SelectMany(Changeable).Distinct();
                problem = $"\"{path}\" is no field; known are {string.Join(", ", known)}";
                return null;
            }
            way.Add(field);
            above = PathOf(way);
            at = field is { IsRepeated: false, FieldType: FieldType.Message } && !IsWellKnown(field) ? field.MessageType : null;
        }
        problem = IsChangeable(above) ? "" : $"\"{path}\" cannot be changed; known are {string.Join(", ", Roots)} and what is below spec";
        return problem.Length == 0 ? way : null;

        // At the top, what can be changed; below it, what there is.
        static IEnumerable<string> Changeable(string path) => IsChangeable(path) ? [path] : Roots.Where(root => root.StartsWith(path + ".", StringComparison.Ordinal));
    }

    private static IEnumerable<IReadOnlyList<FieldDescriptor>> SetIn(IMessage message, IReadOnlyList<FieldDescriptor> above)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(field => IsSet(field, message)))
        {
            IReadOnlyList<FieldDescriptor> way = [.. above, field];
            var below = field is { IsRepeated: false, FieldType: FieldType.Message } && !IsWellKnown(field) ? SetIn((IMessage)field.Accessor.GetValue(message), way).ToList() : [];
            if (below.Count == 0)
            {
                yield return way;
            }
            foreach (var one in below)
            {
                yield return one;
            }
        }
    }

    private static bool IsSet(FieldDescriptor field, IMessage message) => field switch
    {
        { IsRepeated: true } => ((System.Collections.ICollection)field.Accessor.GetValue(message)).Count > 0,
        { HasPresence: true } => field.Accessor.HasValue(message),
        _ => field.Accessor.GetValue(message) switch
        {
            string text => text.Length > 0,
            ByteString bytes => bytes.Length > 0,
            bool isSet => isSet,
            System.Enum member => Convert.ToInt32(member, System.Globalization.CultureInfo.InvariantCulture) != 0,
            IConvertible number => number.ToDouble(System.Globalization.CultureInfo.InvariantCulture) != 0,
            var value => value is not null,
        },
    };

    private static bool IsWellKnown(FieldDescriptor field) => field.MessageType.File.Package.StartsWith("google.protobuf", StringComparison.Ordinal);

    private static bool IsChangeable(string path) => Roots.Any(root => path == root || path.StartsWith(root + ".", StringComparison.Ordinal));

    private static string PathOf(IReadOnlyList<FieldDescriptor> way) => string.Join('.', way.Select(static field => field.Name));
}
