#!/usr/bin/env python3
"""Writes a made-up organisation as LDIF: the same bytes for the same options, any size, in constant memory.

    lab/organisation.py --people 1000 --groups 60 --output org.ldif

Every person is a pure function of (seed, number), so a manager's DN or a group's members are computed again where they
are needed instead of being remembered. What is in it:

  * names in many scripts, with accents, apostrophes and hyphens; a uid, mail and employeeNumber that no two share
  * ou=People by region, country, city and department; leavers in ou=Former Staff, contractors in ou=Contractors
  * managers: a tree whose root is person 0; a manager is always an earlier entry and never disabled
  * groups: All Staff, departments, cities, countries and regions (nested three deep), projects with an owner

The standard schemas (core, cosine, inetOrgPerson) have no "account disabled". The convention here is employeeType:
"employee", "contractor" or "disabled". A disabled person stays a member of groups, as happens in life.
"""

import argparse
import base64
import hashlib
import sys
import unicodedata

# (preferredLanguage, family name first, given names, family names); (native, ASCII) where the two differ.
CULTURES = [
    ("en", False,
     ["James", "Mary", "Robert", "Patricia", "Olivia", "Noah", "Emma", "Liam", "Amelia", "Oscar", "Mary-Jane", "Siân"],
     ["Smith", "Johnson", "O'Brien", "O'Connor", "Smith-Jones", "Taylor", "Walker", "Clarke", "Hughes", "Fitz-Gerald"]),
    ("nb", False,
     ["Åse", "Bjørn", "Søren", "Ingrid", "Lars", "Kåre", "Solveig", "Øyvind", "Astrid", "Håkon"],
     ["Ødegård", "Håkansson", "Bjørnstad", "Sæther", "Lindqvist", "Østby", "Grønli", "Berg-Hansen", "Strøm", "Myhre"]),
    ("de", False,
     ["Jürgen", "Anna", "Günther", "Käthe", "Lukas", "Sören", "Hans-Peter", "Mia", "Jörg", "Leonie"],
     ["Müller", "Schäfer", "Weiß", "Großmann", "Köhler", "von der Heide", "Schmidt", "Müller-Lüdenscheidt", "Öztürk", "Vogel"]),
    ("fr", False,
     ["Chloé", "François", "Renée", "Anaïs", "Jean-Luc", "Élodie", "Zoë", "Benoît", "Inès", "Théo"],
     ["D'Angelo", "Dubois", "L'Écuyer", "Lefèvre", "Garçon", "N'Diaye", "Saint-Exupéry", "Moreau", "Hémery", "Roux"]),
    ("es", False,
     ["José", "Sofía", "Íñigo", "Lucía", "Andrés", "María José", "Núria", "Joaquín", "Belén", "Raúl"],
     ["Núñez", "Ibáñez", "García Márquez", "López", "Peña", "Gómez-Acebo", "Martí", "Ordóñez", "Güell", "Vázquez"]),
    ("pl", False,
     ["Łukasz", "Małgorzata", "Zbigniew", "Agnieszka", "Grażyna", "Paweł", "Bożena", "Michał", "Żaneta", "Jan"],
     ["Wiśniewski", "Łęcki", "Źrebiec", "Kowalski", "Dąbrowska", "Wójcik", "Żeromski", "Gałczyńska", "Nowak-Święcka", "Ćwik"]),
    ("tr", False,
     ["İbrahim", "Ayşe", "Çağla", "Müge", "Oğuz", "Işıl", "Ömer", "Şule", "Emre", "Gül"],
     ["Şahin", "Yıldız", "Çelik", "Öztürk", "Kılıç", "Güneş", "Işık", "Doğan", "Aydın", "İnönü"]),
    ("vi", True,
     ["Ngọc", "Minh", "Thảo", "Dũng", "Hạnh", "Quốc", "Thúy", "Đức", "Lan", "Phượng"],
     ["Nguyễn", "Đặng", "Trần", "Phạm", "Võ", "Đỗ", "Lê", "Hoàng", "Bùi", "Huỳnh"]),
    ("ru", False,
     [("Дмитрий", "Dmitrij"), ("Наталья", "Natalja"), ("Ольга", "Olga"), ("Сергей", "Sergej"), ("Фёдор", "Fjodor"),
      ("Анна-Мария", "Anna-Maria"), ("Юлия", "Julija")],
     [("Петров", "Petrov"), ("Смирнова", "Smirnova"), ("Щукин", "Shchukin"), ("Римский-Корсаков", "Rimskij-Korsakov"),
      ("Ёлкина", "Jolkina"), ("Жуков", "Zhukov")]),
    ("el", False,
     [("Γιώργος", "Giorgos"), ("Ελένη", "Eleni"), ("Χρήστος", "Christos"), ("Άννα", "Anna"), ("Ευάγγελος", "Evangelos")],
     [("Παπαδόπουλος", "Papadopoulos"), ("Ζαχαρίου", "Zachariou"), ("Ψυχάρης", "Psycharis"), ("Δήμου", "Dimou")]),
    ("zh", True,
     [("伟", "Wei"), ("秀英", "Xiuying"), ("建国", "Jianguo"), ("丽娜", "Lina"), ("晓东", "Xiaodong"), ("梅", "Mei")],
     [("王", "Wang"), ("李", "Li"), ("欧阳", "Ouyang"), ("陈", "Chen"), ("刘", "Liu"), ("赵", "Zhao")]),
    ("ja", True,
     [("太郎", "Taro"), ("花子", "Hanako"), ("さくら", "Sakura"), ("健一", "Kenichi"), ("ユキ", "Yuki"), ("翔", "Sho")],
     [("田中", "Tanaka"), ("佐藤", "Sato"), ("𠮷田", "Yoshida"), ("髙橋", "Takahashi"), ("渡邉", "Watanabe"), ("鈴木", "Suzuki")]),
    ("ko", True,
     [("민준", "Minjun"), ("서연", "Seoyeon"), ("지훈", "Jihoon"), ("은지", "Eunji"), ("하늘", "Haneul")],
     [("김", "Kim"), ("이", "Lee"), ("박", "Park"), ("최", "Choi"), ("남궁", "Namgung")]),
    ("ar", False,
     [("محمد", "Muhammad"), ("فاطمة", "Fatima"), ("عائشة", "Aisha"), ("يوسف", "Yusuf"), ("عبد الله", "Abdullah")],
     [("الحسن", "Al-Hassan"), ("النجار", "An-Najjar"), ("بن سعيد", "Bin Said"), ("الزهراوي", "Az-Zahrawi")]),
    ("he", False,
     [("דוד", "David"), ("נועה", "Noa"), ("יצחק", "Yitzhak"), ("שרה", "Sara"), ("אביגיל", "Avigail")],
     [("כהן", "Cohen"), ("בן־דוד", "Ben-David"), ("לוי", "Levi"), ("פרידמן", "Friedman")]),
    ("hi", False,
     [("अर्जुन", "Arjun"), ("प्रिया", "Priya"), ("आनन्द", "Anand"), ("दीपिका", "Deepika")],
     [("शर्मा", "Sharma"), ("पटेल", "Patel"), ("सिंह", "Singh"), ("द्विवेदी", "Dwivedi")]),
]

# (region, country code, country, city, telephone prefix, language spoken there)
SITES = [
    ("Europe", "NO", "Norway", "Tromsø", "+47 77", "nb"), ("Europe", "DE", "Germany", "Köln", "+49 221", "de"),
    ("Europe", "FR", "France", "Saint-Étienne", "+33 4", "fr"), ("Europe", "PL", "Poland", "Łódź", "+48 42", "pl"),
    ("Europe", "GR", "Greece", "Πάτρα", "+30 261", "el"), ("Europe", "GB", "United Kingdom", "Stoke-on-Trent", "+44 1782", "en"),
    ("Middle East", "IL", "Israel", "תל אביב", "+972 3", "he"), ("Middle East", "JO", "Jordan", "عمّان", "+962 6", "ar"),
    ("Asia", "JP", "Japan", "大阪", "+81 6", "ja"), ("Asia", "CN", "China", "成都", "+86 28", "zh"),
    ("Asia", "IN", "India", "Bengaluru", "+91 80", "hi"), ("Americas", "US", "United States", "Coeur d'Alene", "+1 208", "en"),
    ("Americas", "MX", "Mexico", "Querétaro", "+52 442", "es"), ("Americas", "US", "United States", "Boston", "+1 617", "en"),
]

# (name, number, how many of the 20 teams of a site belong to it)
DEPARTMENTS = [
    ("Engineering", "1000", 5), ("Sales", "2000", 4), ("Operations", "3000", 3), ("Support", "3500", 2), ("Finance", "4000", 2),
    ("Human Resources", "5000", 1), ("Research & Development", "6000", 1), ("Marketing", "7000", 1), ("Legal, Risk + Audit", "8000", 1),
]
TITLES = ["Analyst", "Engineer", "Senior Engineer", "Specialist", "Consultant", "Coordinator", "Technician", "Architect", "Administrator"]
PROJECTS = ["Aurora", "Blåbær", "Cañón", "Дельта", "Élan", "Φοίνιξ", "北斗", "桜", "O'Hara", "Nord-Süd"]
# Letters that decomposition does not take apart.
ASCII = str.maketrans({"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"})
LANGUAGES = {culture[0]: number for number, culture in enumerate(CULTURES)}
REPORTS = 7  # to one manager

# A grey picture of one pixel; each person's carries the number in a comment, so that no two are alike.
JPEG_HEAD = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
JPEG_TAIL = bytes.fromhex(
    "ffdb004300" + "10" * 64 + "ffc0000b080001000101011100ffc40014000100000000000000000000000000000000"
    "ffc40014100100000000000000000000000000000000ffda0008010100003f003fffd9")


def plain(text):
    """Text in ASCII letters and digits, lower case."""
    letters = unicodedata.normalize("NFD", text.translate(ASCII))
    return "".join(c for c in letters.lower() if c.isascii() and c.isalnum())


def prepare(names):
    return [(name, plain(name)) if isinstance(name, str) else (name[0], plain(name[1])) for name in names]


CULTURES = [(language, first, prepare(given), prepare(family)) for language, first, given, family in CULTURES]


class Dice:
    """A few choices that hang on nothing but the seed and a label; the same on every version of Python."""

    def __init__(self, seed, kind, number):
        digest = hashlib.blake2b(b"%d/%s/%d" % (seed, kind, number), digest_size=48).digest()
        self._left = int.from_bytes(digest, "big")

    def below(self, limit):
        self._left, value = divmod(self._left, limit)
        return value

    def pick(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent


def escaped(value):
    """An attribute value inside a DN, RFC 4514."""
    for special in '\\,+"<>;=':
        value = value.replace(special, "\\" + special)
    if value[0] in " #":
        value = "\\" + value
    return value


def line(name, value):
    """One LDIF line, RFC 2849: base64 where the value is not safe as it stands."""
    raw = value if isinstance(value, bytes) else value.encode()
    safe = raw.isascii() and raw[:1] not in (b" ", b":", b"<", b"") and raw[-1:] != b" " and not (set(raw) & {0, 10, 13})
    return f"{name}: {raw.decode()}\n" if safe else f"{name}:: {base64.b64encode(raw).decode()}\n"


class Person:
    """What one person is; how a directory writes it down is the flavour's business."""

    __slots__ = ("number", "team", "rank", "given", "family", "display", "uid", "kind", "site", "department", "language", "dice")


class Organisation:
    """Who there is. Teams are numbered; person n is member n // teams of team n % teams."""

    def __init__(self, options):
        self.options = options
        # Round by round, so that a small organisation has people in every department too.
        self.slots = [d for turn in range(9) for d, (_, _, weight) in enumerate(DEPARTMENTS) if turn < weight]
        self.teams = len(SITES) * len(self.slots)

    def person(self, number):
        dice = Dice(self.options.seed, b"person", number)
        person = Person()
        person.number = number
        person.rank, person.team = divmod(number, self.teams)
        slot, site = divmod(person.team, len(SITES))
        person.site = SITES[site]
        person.department = DEPARTMENTS[self.slots[slot]]
        culture = CULTURES[LANGUAGES[person.site[5]]] if dice.chance(60) else dice.pick(CULTURES)
        given, family = dice.pick(culture[2]), dice.pick(culture[3])
        person.language = culture[0]
        person.given, person.family = given[0], family[0]
        person.display = f"{family[0]} {given[0]}" if culture[1] else f"{given[0]} {family[0]}"
        person.uid = f"{given[1][:1]}{family[1][:10]}{number}"
        roll = dice.below(1000)
        if self.leads(number):
            person.kind = "employee"  # a manager has not left
        else:
            person.kind = "disabled" if roll < self.options.disabled * 10 else "contractor" if roll > 920 else "employee"
        person.dice = dice
        return person

    def leads(self, number):
        """True for heads of teams and whoever has reports of their own within the team."""
        rank, team = divmod(number, self.teams)
        return rank == 0 or (rank * REPORTS + 1) * self.teams + team < self.options.people

    def manager(self, number):
        """The manager's number; None for the one at the top."""
        rank, team = divmod(number, self.teams)
        if rank > 0:
            return (rank - 1) // REPORTS * self.teams + team
        if team >= len(SITES):
            return team % len(SITES)  # heads of teams report to the head of the site's first team
        return 0 if team > 0 else None

    def of(self, wanted):
        """Numbers of the people in the teams for which wanted(site, department) is true, rank by rank."""
        teams = [t for t in range(self.teams) if wanted(SITES[t % len(SITES)], DEPARTMENTS[self.slots[t // len(SITES)]])]
        for first in range(0, self.options.people, self.teams):
            for team in teams:
                if first + team < self.options.people:
                    yield first + team


class OpenLdap:
    """How OpenLDAP with the standard schemas writes it down. A flavour for another directory has the same methods."""

    header = "# Disabled people have employeeType: disabled; the standard schemas know no other way.\n"

    def __init__(self, options):
        self.base, self.domain = options.base, options.domain
        self.photos = options.photos

    def root(self):
        name = self.base.split(",")[0].split("=")[1]
        return self.base, [("objectClass", "dcObject"), ("objectClass", "organization"), ("o", "Northquay Group"), ("dc", name)]

    def container(self, path):
        """`path` from the outside in: ("People", "Europe")."""
        return self.container_dn(path), [("objectClass", "organizationalUnit"), ("ou", path[-1])]

    def container_dn(self, path):
        return "".join(f"ou={escaped(name)}," for name in reversed(path)) + self.base

    def person_dn(self, person):
        if person.kind == "contractor":  # a DN with a comma, blanks and any script in it
            return f"cn={escaped(f'{person.family}, {person.given}')}+uid={person.uid},ou=Contractors,{self.base}"
        if person.kind == "disabled" and person.number % 3:
            return f"uid={person.uid},ou=Former Staff,{self.base}"
        region, code, _, city, _, _ = person.site
        return f"uid={person.uid}," + self.container_dn(("People", region, code, city, person.department[0]))

    def person(self, person, title, manager_dn):
        dice, (_, code, _, city, prefix, _) = person.dice, person.site
        attributes = [
            ("objectClass", "inetOrgPerson"), ("uid", person.uid), ("cn", person.display), ("sn", person.family),
            ("givenName", person.given), ("displayName", person.display), ("mail", f"{person.uid}@{self.domain}"),
            ("employeeNumber", str(100000 + person.number)), ("employeeType", person.kind), ("title", title),
            ("departmentNumber", person.department[1]), ("ou", person.department[0]), ("o", "Northquay Group"), ("l", city),
            ("physicalDeliveryOfficeName", f"{code}-{dice.below(40):02d}"), ("preferredLanguage", person.language)]
        if person.kind == "contractor":
            attributes.insert(2, ("cn", f"{person.family}, {person.given}"))
        if not dice.chance(3):
            attributes.append(("telephoneNumber", f"{prefix} {dice.below(900) + 100} {dice.below(9000) + 1000}"))
        if dice.chance(60):
            attributes.append(("mobile", f"{prefix.split()[0]} 9{dice.below(90) + 10} {dice.below(90000) + 10000}"))
        if manager_dn:
            attributes.append(("manager", manager_dn))
        if dice.below(1000) < self.photos * 10:
            comment = b"person %d" % person.number
            segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
            attributes.append(("jpegPhoto", JPEG_HEAD + segment + JPEG_TAIL))
        return attributes

    def group_dn(self, name, kind):
        return f"cn={escaped(name)}," + self.container_dn(("Groups", kind))

    def group(self, name, description, owner_dn):
        attributes = [("objectClass", "groupOfNames"), ("cn", name), ("description", description)]
        return attributes + ([("owner", owner_dn)] if owner_dn else [])


class Writer:
    """Turns the organisation into LDIF, entry by entry."""

    def __init__(self, organisation, flavour, output):
        self.organisation, self.flavour, self.output = organisation, flavour, output
        self.options = organisation.options

    def entry(self, dn, attributes):
        self.output.write(line("dn", dn) + "".join(line(name, value) for name, value in attributes) + "\n")

    def everything(self):
        self.output.write("# lab/organisation.py "
                          f"--people {self.options.people} --groups {self.options.groups} --seed {self.options.seed}\n{self.flavour.header}\n")
        self.entry(*self.flavour.root())
        self.containers()
        self.people()
        self.groups()

    def containers(self):
        paths = [("People",), ("Contractors",), ("Former Staff",), ("Groups",)]
        paths += [("Groups", kind) for kind in ("Organisation", "Departments", "Projects")]
        for region, code, _, city, _, _ in SITES:
            paths += [("People", region), ("People", region, code), ("People", region, code, city)]
            paths += [("People", region, code, city, department[0]) for department in DEPARTMENTS]
        for path in dict.fromkeys(paths):
            self.entry(*self.flavour.container(path))

    def title(self, person):
        if person.number == 0:
            return "Chief Executive Officer"
        if person.rank == 0:
            return ("Site Director" if person.team < len(SITES) else "Head of Team") + f", {person.department[0]}"
        if self.organisation.leads(person.number):
            return "Team Lead"
        return person.dice.pick(TITLES)

    def people(self):
        for number in range(self.options.people):
            person = self.organisation.person(number)
            manager = self.organisation.manager(number)
            manager_dn = None if manager is None else self.dn_of(manager)
            self.entry(self.flavour.person_dn(person), self.flavour.person(person, self.title(person), manager_dn))

    def dn_of(self, number):
        return self.flavour.person_dn(self.organisation.person(number))

    def groups(self):
        """As many groups as asked for, the most telling first. A group without any member is left out: schema."""
        written = 0
        for name, kind, description, owner, people, nested in self.planned():
            if written == self.options.groups:
                return
            members = self.members(people, nested)
            first = next(members, None)
            if first is None:
                continue
            self.entry_of_group(name, kind, description, owner, first, members)
            written += 1

    def members(self, people, nested):
        for number in people:
            yield self.dn_of(number)
        for name, kind in nested:
            yield self.flavour.group_dn(name, kind)

    def entry_of_group(self, name, kind, description, owner, first, members):
        owner_dn = None if owner is None else self.dn_of(owner)
        attributes = self.flavour.group(name, description, owner_dn)
        self.output.write(line("dn", self.flavour.group_dn(name, kind)) + "".join(line(n, v) for n, v in attributes))
        self.output.write(line("member", first))
        for dn in members:
            self.output.write(line("member", dn))
        self.output.write("\n")

    def planned(self):
        """(name, kind, description, owner, people, nested groups) without end; a nested group is written before its holder."""
        size, of = self.options.people, self.organisation.of
        everyone = size if self.options.all_staff is None else min(size, self.options.all_staff)
        yield "All Staff", "Organisation", "Everybody, one by one", 0, range(everyone), []
        for name, _, _ in DEPARTMENTS:
            yield name, "Departments", f"Department: {name}", None, of(lambda s, d, n=name: d[0] == n), []
        here = [site for number, site in enumerate(SITES) if number < size]  # places where anybody works
        countries = dict.fromkeys((site[0], site[2]) for site in here)
        regions = dict.fromkeys(site[0] for site in here)
        for region, _, country, city, _, _ in here:
            yield f"Site {city}", "Organisation", f"{city}, {country}", None, of(lambda s, d, c=city: s[3] == c), []
        for region, country in countries:
            yield f"Country {country}", "Organisation", f"{country}, {region}", None, (), [
                (f"Site {site[3]}", "Organisation") for site in here if site[2] == country]
        for region in regions:
            yield f"Region {region}", "Organisation", region, None, (), [
                (f"Country {country}", "Organisation") for where, country in countries if where == region]
        yield "Worldwide", "Organisation", "All regions", 0, (), [(f"Region {region}", "Organisation") for region in regions]
        yield from self.projects()

    def projects(self):
        number, previous = 0, None
        while self.options.people > 0:
            dice = Dice(self.options.seed, b"project", number)
            name = f"Project {PROJECTS[number % len(PROJECTS)]} {number + 1}"
            owner = dice.below(self.options.people)
            wanted = min(self.options.people, 3 + dice.below(dice.pick([5, 20, 60, 150])))
            first, step = dice.below(self.options.people), 1 + dice.below(max(1, self.options.people // wanted))
            people = dict.fromkeys((first + step * i) % self.options.people for i in range(wanted))
            nested = [(previous, "Projects")] if previous and dice.chance(20) else []
            yield name, "Projects", f"{name}: works across sites", owner, people, nested
            number, previous = number + 1, name


FLAVOURS = {"openldap": OpenLdap}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--people", type=int, default=1000, help="how many people")
    parser.add_argument("--groups", type=int, default=60, help="how many groups")
    parser.add_argument("--all-staff", type=int, default=None, help="members of the group All Staff (everybody, if not given)")
    parser.add_argument("--seed", type=int, default=1, help="another number, another organisation")
    parser.add_argument("--disabled", type=float, default=4, help="percentage of disabled people")
    parser.add_argument("--photos", type=float, default=0, help="percentage of people with a jpegPhoto")
    parser.add_argument("--base", default="dc=northquay,dc=example", help="the suffix")
    parser.add_argument("--domain", default="northquay.example", help="of mail addresses")
    parser.add_argument("--flavour", choices=sorted(FLAVOURS), default="openldap", help="the kind of directory it is for")
    parser.add_argument("--output", default="-", help="file to write; - for standard output")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    output = open(1 if options.output == "-" else options.output, "w", encoding="utf-8", newline="\n", buffering=1 << 20)
    with output:
        Writer(Organisation(options), FLAVOURS[options.flavour](options), output).everything()


if __name__ == "__main__":
    main()
