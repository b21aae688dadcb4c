using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>Which fields of a resource are answered; those below a list are answered of each of its items, and a map is answered whole.</summary>
internal sealed class ReadMask
{
    /// <summary>How many paths a mask may have.</summary>
    public const int MaxPaths = 256;

    private readonly Branch? _root;

    private ReadMask(Branch? root) => _root = root;

    /// <summary>Reads the mask of a request; without paths, or with <c>*</c>, everything is answered.</summary>
    /// <param name="type">What is answered.</param>
    /// <param name="mask">The mask; null when the request has none.</param>
    /// <param name="problems">Gets everything that is wrong, under <c>read_mask</c>.</param>
    /// <returns>What was read; it does not count when there are problems.</returns>
    public static ReadMask Read(MessageDescriptor type, FieldMask? mask, ICollection<Problem> problems)
    {
        if (mask is null || mask.Paths.Count == 0 || mask.Paths is ["*"])
        {
            return new(null);
        }

        if (mask.Paths.Count > MaxPaths)
        {
            problems.Add(new("read_mask", $"it has {mask.Paths.Count} paths; at most {MaxPaths} are read"));
            return new(null);
        }

        var root = new Branch();
        foreach (var path in mask.Paths)
        {
            if ((FieldPaths.IsPath(path, out var problem) ? Add(root, type, path) : problem) is { } wrong)
            {
                problems.Add(new("read_mask", wrong));
            }
        }

        return new(root);
    }

    /// <summary>Reads the mask of a request for one resource.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every path that is wrong.</exception>
    public static ReadMask Check(MessageDescriptor type, FieldMask? mask)
    {
        var problems = new List<Problem>();
        var read = Read(type, mask, problems);
        return problems.Count == 0 ? read : throw Failures.Invalid(problems);
    }

    /// <summary>The fields that are answered.</summary>
    /// <returns>The resource itself when that is all of them; else another one, which shares with it what it has of it.</returns>
    public T Apply<T>(T message)
        where T : class, IMessage => _root is null ? message : (T)Copy(message, _root);

    private static string? Add(Branch root, MessageDescriptor type, string path)
    {
        var (branch, inside, at) = (root, type, "");
        var names = path.Split('.');
        for (var index = 0; index < names.Length; index++)
        {
            if (MessageFields.Find(inside, names[index]) is not { } field)
            {
                return $"{path} does not exist; {(at.Length == 0 ? "" : $"in {at} ")}there are {string.Join(", ", inside.Fields.InFieldNumberOrder().Select(static known => known.Name))}";
            }

            at += (at.Length == 0 ? "" : ".") + field.Name;
            if (index == names.Length - 1)
            {
                branch.Below[field] = null;
                return null;
            }

            if (!MessageFields.IsMessage(field))
            {
                return $"{path} does not exist; {at} is answered whole or not at all";
            }

            // Who asks for all of it, too, gets all of it.
            if (branch.Below.TryGetValue(field, out var below) && below is null)
            {
                below = new();
            }
            else
            {
                branch.Below[field] = below ??= new();
            }

            (branch, inside) = (below, field.MessageType);
        }

        return null;
    }

    private static IMessage Copy(IMessage message, Branch branch)
    {
        var copy = message.Descriptor.Parser.ParseFrom(ByteString.Empty);
        foreach (var (field, below) in branch.Below)
        {
            var value = field.Accessor.GetValue(message);
            if (field.IsMap)
            {
                var entries = (IDictionary)field.Accessor.GetValue(copy);
                foreach (DictionaryEntry entry in (IDictionary)value)
                {
                    entries.Add(entry.Key, entry.Value);
                }
            }
            else if (field.IsRepeated)
            {
                var items = (IList)field.Accessor.GetValue(copy);
                foreach (var item in (IList)value)
                {
                    items.Add(below is null ? item : Copy((IMessage)item, below));
                }
            }
            else if (value is not null && (!field.HasPresence || field.Accessor.HasValue(message)))
            {
                field.Accessor.SetValue(copy, below is null ? value : Copy((IMessage)value, below));
            }
        }

        return copy;
    }

    /// <summary>Fields of one message; null below one that is answered whole.</summary>
    private sealed class Branch
    {
        public Dictionary<FieldDescriptor, Branch?> Below { get; } = [];
    }
}
